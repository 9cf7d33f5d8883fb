"""The graphs of instant mode, as `impasto export` writes them: once, and kept in build/graphs/ while nothing changes.

Writing them takes half a minute, and the page that paints in a browser needs them as well as the tests.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "build" / "graphs"
WRITERS = ("torch", "onnx", "onnxscript", "onnx-ir")


def exported() -> Path:
    """Their folder; written by the command if what makes them is new."""
    folder = KEPT / digest()[:16]
    KEPT.mkdir(parents=True, exist_ok=True)
    with FileLock(KEPT / "lock"):  # two workers of the tests may need them at once
        if not folder.is_dir():
            new = folder.with_suffix(".new")
            shutil.rmtree(new, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "impasto", "export", new], check=True, stdout=subprocess.DEVNULL)
            new.rename(folder)
    return folder


def digest() -> str:
    """Of all that the graphs may come from: the whole package, and what writes them."""
    found = hashlib.sha256(" ".join(map(version, WRITERS)).encode())
    package = ROOT / "src" / "impasto"
    for file in sorted(package.rglob("*")):
        if file.suffix in (".py", ".safetensors"):
            found.update(str(file.relative_to(package)).encode() + b"\0" + file.read_bytes())
    return found.hexdigest()
