"""Sets up what is missing in .venv, then paints, checks everything, or builds: a release, the site, a page that paints.

    python scripts/tasks.py demo [option of `impasto transfer` ...]
    python scripts/tasks.py test [argument of pytest ...]
    python scripts/tasks.py test-browser [argument of pytest ...]
    python scripts/tasks.py release
    python scripts/tasks.py docs
    python scripts/tasks.py play

Needs Python 3.11 or later and nothing else; `scripts/demo`, `scripts/test` and `scripts/test-browser` find one, and so
do their .cmd on Windows. An extra that is there already, unchanged, costs nothing.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PROGRAMS, ENDING = (VENV / "Scripts", ".exe") if os.name == "nt" else (VENV / "bin", "")
PYTHON = PROGRAMS / f"python{ENDING}"
MADE_IN = VENV / "made-in"
CONSTRAINTS = ROOT / "requirements" / "constraints.txt"
EPOCH = {"SOURCE_DATE_EPOCH": os.environ.get("SOURCE_DATE_EPOCH", "1577836800")}  # so that builds are the same bytes
RECENT = "import sys; sys.exit(sys.version_info < (3, 11))"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "msedge")
PROCESSES = str((os.cpu_count() or 1) + 1)  # of tests, some of which wait for others
CHECKS = {
    "Lint": ("ruff", "check"),
    "Format": ("ruff", "format", "--check"),
    "Types": ("mypy",),
    "Layers": ("lint-imports",),
    "Tests": ("pytest", "--numprocesses", PROCESSES, "--dist", "worksteal", "--ignore", "tests/browser"),
}


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def fail(text: str, code: int = 1) -> NoReturn:
    say(text)
    sys.exit(code)


def ran(*command: str | Path) -> int:
    """The exit code of a command in the repository's root; 127 if there is no such program."""
    try:
        return subprocess.run(list(map(str, command)), cwd=ROOT, check=False, env=os.environ | EPOCH).returncode
    except FileNotFoundError:
        return 127


def works(python: Path) -> bool:
    """Whether it is a Python that is recent enough."""
    try:
        return subprocess.run([str(python), "-c", RECENT], check=False, capture_output=True).returncode == 0
    except OSError:
        return False


def make_venv(*options: str) -> None:
    say(f"Making {VENV.name} with Python {sys.version.split()[0]}.")
    if ran(sys.executable, "-m", "venv", *options, VENV):
        fail(
            f"{sys.executable} cannot make virtual environments.\n"
            "On Debian and Ubuntu the package python3-venv adds that."
        )
    MADE_IN.write_text(f"{ROOT}\n", encoding="utf-8")


def ready_venv() -> None:
    """A virtual environment knows its own path: one that was moved with its folder is made again."""
    ours = MADE_IN.is_file()
    if ours and Path(MADE_IN.read_text(encoding="utf-8").strip()).resolve() != ROOT:
        say(f"{VENV.name} was made in another folder.")
        make_venv("--clear")
    elif not VENV.exists():
        make_venv()
    elif not works(PYTHON):
        if not ours:
            fail(f"{VENV.name} has no working Python 3.11 or later. Remove it, and run this again.")
        make_venv("--clear")
    if subprocess.run([str(PYTHON), "-m", "pip", "--version"], check=False, capture_output=True).returncode:
        ran(PYTHON, "-m", "ensurepip")


def install(extra: str) -> None:
    """Install impasto, editable, with an extra.

    What that depends on is kept in .venv, written once the installation has succeeded.
    """
    stamp = VENV / f"installed-{extra}"
    inputs = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "pyproject.toml", CONSTRAINTS))
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == inputs:
        return
    say(f"Installing impasto[{extra}] into {VENV.name}; the first time this takes a minute or two ...")
    quietly = ("--quiet", "--quiet", "--disable-pip-version-check", "--no-input")
    source = ("--constraint", CONSTRAINTS, "--editable", f".[{extra}]")
    if ran(PYTHON, "-m", "pip", "install", *quietly, "--no-compile", *source):
        fail("The installation failed; pip's message above says why. Run this again once that is mended.")
    if sys.dont_write_bytecode:  # else Python compiles, once, the seventh of it that is ever imported
        ran(PYTHON, "-m", "compileall", "-qq", "-j", "0", VENV / "lib")
    stamp.write_text(inputs, encoding="utf-8")


def demo(options: list[str]) -> int:
    return ran(PYTHON, ROOT / "examples" / "demo.py", *options)


def test(options: list[str]) -> int:
    """All checks, until the first that fails."""
    for title, (program, *usual) in CHECKS.items():
        arguments = [*usual, *options] if title == "Tests" else usual
        print(f"\n== {title}: {' '.join([program, *arguments])}", flush=True)
        if code := ran(PROGRAMS / f"{program}{ENDING}", *arguments):
            fail(f"\nFailed: {title} (exit code {code})", code)
    print("\nAll checks passed.")
    return 0


def release(options: list[str]) -> int:
    """The sdist and the wheel in dist/, built twice to the same bytes, with what an index asks of them."""
    made = []
    for folder in (ROOT / "build" / "release", ROOT / "dist"):
        shutil.rmtree(folder, ignore_errors=True)
        if ran(PYTHON, "-m", "build", "--outdir", folder, *options):
            fail("The build failed; the lines above say why.")
        made.append({each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in folder.iterdir()})
    first, second = made
    if first != second:
        fail(f"Two builds differ: {sorted(name for name in first if first[name] != second.get(name))}.")
    for name, digest in sorted(second.items()):
        say(f"{digest}  {name}  {(ROOT / 'dist' / name).stat().st_size / 1e6:.1f} MB")
    return ran(PYTHON, "-m", "twine", "check", "--strict", *sorted((ROOT / "dist").iterdir()))


def docs(options: list[str]) -> int:
    return ran(PYTHON, ROOT / "scripts" / "pages.py") or ran(PYTHON, ROOT / "scripts" / "site.py", *options)


def play(options: list[str]) -> int:
    return ran(PYTHON, ROOT / "scripts" / "play.py", *options)


def browser() -> str | None:
    """A browser that tests can steer, installed by Debian's package manager if there is none."""
    if os.environ.get("BROWSER_FOR_TESTS"):
        return os.environ["BROWSER_FOR_TESTS"]
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None and shutil.which("apt-get") and getattr(os, "geteuid", lambda: 1)() == 0:
        say("Installing Debian's package chromium ...")
        os.environ["DEBIAN_FRONTEND"] = "noninteractive"
        for words in (("update",), ("install", "--yes", "--no-install-recommends", "chromium")):
            ran("apt-get", "-qq", *words)
        found = next(filter(None, map(shutil.which, BROWSERS)), None)
    return found


def test_browser(options: list[str]) -> int:
    """The studio's page and the one that paints in a browser, by two at a time; without one there is nothing to do."""
    if browser() is None:
        say(f"Skipped: there is no browser, none of {', '.join(BROWSERS)}, and none could be installed.")
        return 0
    if shutil.which("npm"):  # without, or if that fails, the tests of that page are skipped
        play([])
    return ran(PROGRAMS / f"pytest{ENDING}", "--numprocesses", "2", "--dist", "worksteal", "tests/browser", *options)


TASKS = {"demo": demo, "test": test, "test-browser": test_browser, "release": release, "docs": docs, "play": play}


def main(arguments: list[str]) -> int:
    if sys.version_info < (3, 11):  # noqa: UP036 - that is what is asked here
        fail(f"impasto needs Python 3.11 or later, and {sys.executable} is {sys.version.split()[0]}.")
    if not arguments or arguments[0] not in TASKS:
        fail(f"Usage: python scripts/tasks.py {'|'.join(TASKS)} [argument ...]", 2)
    name, *options = arguments
    ready_venv()
    install(name)
    return TASKS[name](options)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
