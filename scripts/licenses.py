"""Writes docs/licenses.md: under which license each package is that impasto's installation brings, as that says itself.

    python scripts/licenses.py            # writes it
    python scripts/licenses.py --check    # says what is not as the installed packages say; exit code 1 if anything is

Packages are those that pyproject.toml names for people who use impasto, and what these need in turn on this system.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "licenses.md"
EXTRAS = ("keras", "heif", "video", "figures", "studio", "onnx", "demo")
OTHERS = ("nvidia-", "triton", "cuda-")  # PyTorch's builds for GPUs bring these; the page has a sentence for them
HEAD = """# Licenses of what is installed with impasto

<!-- Made by scripts/licenses.py from what the packages say of themselves; run that, do not change this page. -->

impasto itself is under Apache-2.0; [NOTICE](../NOTICE) has the lineage of its networks. These packages are no part of
it: pip installs them beside it, each under its own license, whose text comes with it. On other systems a few small ones
differ.

| package | license | comes with |
|---|---|---|"""
TAIL = """
Some wheels have libraries inside, under their own licenses: `pyvips-binary` has libvips (LGPL) and what that reads
files with, `av` and `opencv-python-headless` have FFmpeg, `pillow-heif` has libheif and its codecs. Builds of PyTorch
for GPUs bring NVIDIA's libraries, under NVIDIA's own terms. The page that paints in a browser uses onnxruntime-web,
which is under the MIT license."""


def roots() -> dict[str, list[str]]:
    """What pyproject.toml names, for impasto itself and for each extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {"impasto": project["dependencies"]} | {name: project["optional-dependencies"][name] for name in EXTRAS}


def needed(lines: Iterable[str], seen: set[str], extras: Iterable[str] = ("",)) -> Iterator[Distribution]:
    """The installed packages that these requirements name, and what they need in turn."""
    for requirement in map(Requirement, lines):
        name = canonicalize_name(requirement.name)
        wanted = requirement.marker is None or any(requirement.marker.evaluate({"extra": each}) for each in extras)
        if not wanted or name in seen or name.startswith(OTHERS):
            continue
        seen.add(name)
        try:
            found = distribution(name)
        except PackageNotFoundError:
            continue
        yield found
        yield from needed(found.requires or (), seen, requirement.extras or ("",))


def license_of(package: Distribution) -> str:
    about = package.metadata
    if "License-Expression" in about:
        return about["License-Expression"]
    named = [each.split(" :: ")[-1] for each in about.get_all("Classifier") or () if each.startswith("License :: ")]
    named = [each for each in named if each != "OSI Approved"]
    return ", ".join(named) or (about["License"] or "not said").splitlines()[0]


def rows() -> dict[str, str]:
    """Each package's line of the table; what is not installed has none."""
    base: set[str] = set()
    found = {"impasto": list(needed(roots()["impasto"], base))}
    found |= {extra: list(needed(lines, set(base))) for extra, lines in roots().items() if extra != "impasto"}
    owners: dict[str, list[str]] = {}
    packages = {}
    for owner, each in ((owner, each) for owner, several in found.items() for each in several):
        name = canonicalize_name(each.metadata["Name"])
        packages[name] = each
        owners.setdefault(name, []).append("impasto" if owner == "impasto" else f"[{owner}]")
    return {name: f"| {name} | {license_of(packages[name])} | {' '.join(owners[name])} |" for name in sorted(packages)}


def main() -> int:
    made = rows()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text("\n".join((HEAD, *made.values(), TAIL)) + "\n", encoding="utf-8")
        return 0
    there = PAGE.read_text(encoding="utf-8").splitlines()
    known = {line.split(" | ")[0].removeprefix("| "): line.split(" | ")[1] for line in there if line.startswith("| ")}
    problems = [
        f"{name} is under {line.split(' | ')[1]}; the page says {known.get(name, 'nothing')}"
        for name, line in made.items()
        if known.get(name) != line.split(" | ")[1]
    ]
    print("\n".join(problems) or f"{len(made)} packages, all as docs/licenses.md says.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
