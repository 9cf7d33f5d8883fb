"""Writes the pages of the documentation that are made of the code: docs/presets.md and docs/python.md.

python scripts/pages.py            # writes them
python scripts/pages.py --check    # says which are not what they would be; exit code 1 if any is not
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

import impasto
from impasto.cli.looking import in_words, sections
from impasto.presets import PRESETS
from impasto.recipe import Recipe

DOCS = Path(__file__).resolve().parents[1] / "docs"
MADE = "<!-- Made by scripts/pages.py; change the code, not this page. -->"


def presets() -> Iterator[str]:
    yield from ("# Presets", "", MADE, "")
    yield "`impasto presets` lists these, `impasto presets show NAME` has every number. Published ones are as their"
    yield "sources print them; where impasto differs, it says so."
    for name, recipe in PRESETS.items():
        yield from ("", f"## {name}", "", recipe.summary, "", f"*Source:* {recipe.source}")
        if recipe.differences:
            yield from ("", "*Differs:*", "", *(f"* {each}" for each in recipe.differences))
        names = [each for section in sections().values() for each in section]
        usual = {} if name == Recipe().name else dict(in_words(Recipe(), names))
        changed = {key: told for key, told in in_words(recipe, names) if usual.get(key) != told}
        yield from ("", f"| {'setting' if name == Recipe().name else 'not as the default'} | |", "|---|---|")
        yield from (f"| {key} | {told.replace('*', f'{chr(92)}*')} |" for key, told in changed.items())


def python() -> Iterator[str]:
    yield from ("# Python", "", MADE, "", "All of this is `impasto.NAME`. What is not here may change without notice.")
    for name in sorted(impasto.__all__, key=lambda each: (each[0].isupper(), each.lower())):
        value = getattr(impasto, name)
        if name.startswith("__") or not callable(value):
            continue
        yield from ("", f"## {name}", "", *described(name, value))
        for method, inner in vars(value).items() if inspect.isclass(value) else ():
            if not method.startswith("_") and inspect.isfunction(inner) and inner.__doc__:
                yield from ("", f"### {name}.{method}", "", *described(method, inner))


def described(name: str, value: Any) -> Iterator[str]:
    if not inspect.isclass(value) or not issubclass(value, Exception | Image.Image):
        yield from ("```text", f"{name}{signature(value)}", "```", "")
    yield text_of(inspect.getdoc(value) or "")


def signature(value: Any) -> str:
    """The parameters, one a line where they are many; without types that name places in the package."""
    given = re.sub(r"(: |-> )'([^']*)'", r"\1\2", str(inspect.signature(value)))
    given = re.sub(r"<function (\w+) at \w+>", r"\1", given)
    given = re.sub(r"\bimpasto\.[\w.]*\.(\w+)", r"\1", given)
    return given if len(given) < 100 else re.sub(r", (?=\w+:|\*)", ",\n    ", given)


def text_of(docstring: str) -> str:
    """A docstring as Markdown: what is indented twice is code, `Raises:` and its like are lists."""
    lines = docstring.splitlines()
    for i, line in enumerate(lines):
        if re.fullmatch(r"(Raises|Shape|Reference|Differs):", line):
            lines[i] = f"*{line}*\n"
        elif re.match(r" {4}\w[\w, .]*: ", line) and any(each.startswith("*Raises") for each in lines[:i]):
            names, _, rest = line.strip().partition(": ")
            lines[i] = f"* `{names}`: {rest}"
    return "\n".join(lines)


PAGES = {"presets.md": presets, "python.md": python}


def main() -> int:
    stale = 0
    for name, make in PAGES.items():
        made, path = "\n".join(make()).rstrip() + "\n", DOCS / name
        if "--check" in sys.argv[1:]:
            if not path.exists() or path.read_text(encoding="utf-8") != made:
                print(f"docs/{name} is not what the code says: python scripts/pages.py")
                stale = 1
        else:
            path.write_text(made, encoding="utf-8")
    return stale


if __name__ == "__main__":
    sys.exit(main())
