"""How large the house is: lines, the longest and the median file, and how often code asks what a value is.

python benchmarks/house.py

Lines of code are those that are neither docstrings nor comments nor empty. Parsing is what reads values from elsewhere:
requests, records, image and weight files.
"""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path
from statistics import median

SRC = Path(__file__).parents[1] / "src" / "impasto"
PARSING = ("ranges.py", "settings.py", "untrusted.py", "record.py", "sources.py", "images/", "encoders/", "request.py")


def words(text: str) -> set[int]:
    """The numbers of the lines that are docstrings, comments or empty."""
    found = {i for i, line in enumerate(text.splitlines(), 1) if not line.strip() or line.lstrip().startswith("#")}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            found |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return found


def main() -> None:
    files = {each.relative_to(SRC).as_posix(): each.read_text(encoding="utf-8") for each in SRC.rglob("*.py")}
    own = {name: text for name, text in files.items() if not name.startswith("swatches/")}
    lengths = {name: len(text.splitlines()) for name, text in own.items()}
    packages = Counter()
    for name, length in lengths.items():
        packages[name.partition("/")[0] if "/" in name else "."] += length
    for package, length in packages.most_common():
        print(f"{length:6,}  {package}")
    longest = max(lengths, key=lengths.__getitem__)
    print(f"{sum(lengths.values()):6,}  lines in {len(own)} files without swatches")
    code = sum(lengths[name] - len(words(text)) for name, text in own.items())
    print(f"{code:6,}  of them code")
    print(f"{lengths[longest]:6,}  lines in the longest, {longest}; {median(lengths.values()):g} in the median")
    asked = {name: text.count("isinstance(") for name, text in own.items() if not name.startswith(PARSING)}
    print(f"{sum(asked.values()):6,}  isinstance outside parsing: { ({n: c for n, c in asked.items() if c}) }")


if __name__ == "__main__":
    main()
