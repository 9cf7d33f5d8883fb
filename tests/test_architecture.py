"""docs/architecture.md has every file of the package, with the first sentence of its own docstring."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src" / "impasto"
PAGE = ROOT / "docs" / "architecture.md"
LINE = re.compile(r"^\* `([\w/]+\.py)`: (.+)$", re.MULTILINE)


def sentence(file):
    """The first sentence of a file's docstring, without its full stop."""
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return " ".join(text.partition("\n\n")[0].split()).partition(".  ")[0].removesuffix(".")


def modules():
    """What the page has a line for: all files but those of swatches, and those that only hand names on."""
    files = (file for file in SRC.rglob("*.py") if "swatches" not in file.parts and file.name != "__init__.py")
    return {file.relative_to(SRC).as_posix(): sentence(file) for file in sorted(files)}


def test_every_file_has_its_line():
    found = dict(LINE.findall(PAGE.read_text(encoding="utf-8")))
    assert found == modules()


def test_files_are_short():
    lengths = {name: len((SRC / name).read_text(encoding="utf-8").splitlines()) for name in modules()}
    assert max(lengths.values()) <= 400
    assert sorted(lengths.values())[len(lengths) // 2] <= 150
