"""The documentation as a site in build/site, which opens from its folder and asks nothing of the network.

    python scripts/tasks.py docs

Pages are those of docs/. Formulas become MathML, which browsers draw themselves; links to files that are not pages
become their names. What the builder's own pages would fetch from elsewhere is taken out. The page that paints in a
browser is part of it if `python scripts/tasks.py play` was run before.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

from latex2mathml.converter import convert

ROOT = Path(__file__).resolve().parents[1]
PAGES, SITE, PLAY = (ROOT / "build" / name for name in ("pages", "site", "play"))
FENCE, CODE = (re.compile(each, re.DOTALL | re.MULTILINE) for each in (r"(^```.*?^```$)", r"(^```.*?^```$|`[^`\n]+`)"))
BLOCK, INLINE = re.compile(r"^\$\$\n(.+?)^\$\$$", re.DOTALL | re.MULTILINE), re.compile(r"\$([^$\n]+)\$")
LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\((?!https?:|#)([^)\s]+)\)")
FORMULAS: list[str] = []
FETCHED = re.compile(r"<script[^>]+src=\"?https?://[^>]+></script>|<link[^>]+href=\"?https?://[^>]+>")
LOADED = re.compile(
    r"<(?:script|img|iframe)[^>]+src=\"?(https?://[^\"\s>]+)|<link[^>]+rel=\"?(?:stylesheet|preconnect)[^>]+href=\"?(http[^\"\s>]+)"
)
TARGET = re.compile(r"(?:href|src)=\"?([^\"\s>#?]*)(?:#([^\"\s>]+))?")
NAMED = re.compile(r"\bid=\"?([^\"\s>]+)")


def page(text: str, folder: Path) -> str:
    """A page of docs/, which is in `folder`, as the builder takes it."""
    text = outside(FENCE, text, lambda part: LINK.sub(lambda found: link(found, folder), part))
    return outside(CODE, text, formulas)


def outside(code: re.Pattern[str], text: str, change: Callable[[str], str]) -> str:
    """`text` with all that is not `code` changed."""
    return "".join(part if i % 2 else change(part) for i, part in enumerate(code.split(text)))


def formulas(text: str) -> str:
    """`text` with a mark for each formula, which Markdown would break up as a block of HTML."""

    def marked(formula: str, display: str) -> str:
        FORMULAS.append(convert(formula.strip(), display=display))
        return f"FORMULA{len(FORMULAS) - 1:04}"

    text = BLOCK.sub(lambda found: f"\n{marked(found[1], 'block')}\n", text)
    return INLINE.sub(lambda found: marked(found[1], "inline"), text)


def finished(text: str) -> str:
    """A page as the builder made it, with its formulas, and without what it would fetch from elsewhere."""
    return re.sub(r"FORMULA(\d{4})", lambda found: FORMULAS[int(found[1])], FETCHED.sub("", text))


def link(found: re.Match[str], folder: Path) -> str:
    path = (folder / found[2].partition("#")[0]).resolve()
    inside = path.is_relative_to(ROOT / "docs") and path.is_file()
    inside = inside and (PLAY.is_dir() or not path.is_relative_to(ROOT / "docs" / "play"))
    return found[0] if inside else found[1]


def decisions() -> str:
    """The decisions, as entries of the navigation."""
    files = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    titles = [file.read_text(encoding="utf-8").splitlines()[0].lstrip("# ") for file in files]
    return "".join(f'\n      - "{title}": decisions/{file.name}' for file, title in zip(files, titles, strict=True))


def broken() -> list[str]:
    """What pages of the site point to that is not there, or is elsewhere and would be fetched."""
    found = []
    for file in SITE.rglob("*.html"):
        text = file.read_text(encoding="utf-8")
        found += [f"{file.relative_to(SITE)} fetches {next(filter(None, each))}" for each in LOADED.findall(text)]
        for target, place in TARGET.findall(text) if file.name != "404.html" else ():
            goal = file.parent / target if target else file
            if re.match(r"[a-z]+:", target):
                continue
            if not goal.exists():
                found.append(f"{file.relative_to(SITE)} leads to {target}, which is not there")
            elif place and goal.suffix == ".html" and unquote(place) not in NAMED.findall(goal.read_text("utf-8")):
                found.append(f"{file.relative_to(SITE)} leads to {target}#{unquote(place)}, which is not there")
    return found


def main() -> int:
    for folder in (PAGES, SITE):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "docs", PAGES, ignore=shutil.ignore_patterns("play"))
    if PLAY.is_dir():
        shutil.copytree(PLAY, PAGES / "play")
    for file in PAGES.rglob("*.md"):
        folder = (ROOT / "docs" / file.relative_to(PAGES)).parent
        file.write_text(page(file.read_text(encoding="utf-8"), folder), encoding="utf-8")
    configuration = ROOT / "build" / "mkdocs.yml"
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").replace(" DECISIONS", decisions())
    configuration.write_text(text.replace("build/", ""), encoding="utf-8")
    subprocess.run([sys.executable, "-m", "zensical", "build", "--config-file", configuration], check=True)
    for file in SITE.rglob("*.html"):
        file.write_text(finished(file.read_text(encoding="utf-8")), encoding="utf-8")
    problems = broken()
    print("\n".join(problems) or f"The site is in {SITE.relative_to(ROOT)}: open its index.html.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
