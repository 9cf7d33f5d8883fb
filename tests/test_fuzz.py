"""A short run of benchmarks/fuzz.py: no damaged file brings the reader down, and the benchmark tells if one does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).parents[1] / "benchmarks" / "fuzz.py"

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits memory by Linux's means")


def fuzz(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(FUZZ), *arguments], capture_output=True, text=True, timeout=300)


def test_damaged_files_give_a_picture_or_a_plain_error() -> None:
    run = fuzz("--count", "130", "--seed", "7")
    assert run.returncode == 0, run.stdout + run.stderr
    counts = [int(cell) for cell in run.stdout.splitlines()[-2].split("|")[2:-1]]
    assert counts[0] == 130 and min(counts[1:3]) > 15 and sum(counts[3:]) == 0


def test_a_file_that_takes_too_long_is_found() -> None:
    run = fuzz("--count", "1", "--seconds", "0")
    assert run.returncode == 1 and "hang" in run.stdout
