"""A short run of benchmarks/fuzz.py: no damaged file brings the reader down, and the benchmark tells if one does."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

FUZZ = Path(__file__).parents[1] / "benchmarks" / "fuzz.py"

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits memory by Linux's means")


@pytest.fixture
def fuzz() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fuzz", FUZZ)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_damaged_files_give_a_picture_or_a_plain_error() -> None:
    command = [sys.executable, str(FUZZ), "--count", "130", "--seed", "7"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout + run.stderr
    counts = [int(cell) for cell in run.stdout.splitlines()[-2].split("|")[2:-1]]
    assert counts[0] == 130 and min(counts[1:3]) > 15 and sum(counts[3:]) == 0


@pytest.mark.parametrize(
    ("code", "expected"),
    [("import time; time.sleep(60)", "hang"), ("import os; input(); os.abort()", "crash: exit code -6")],
)
def test_hangs_and_crashes_are_found(fuzz: ModuleType, code: str, expected: str) -> None:
    worker = fuzz.Worker(seed=0, megabytes=0, seconds=0.5 if expected == "hang" else 30)
    worker._command = [sys.executable, "-c", f"print('ready', flush=True); {code}"]
    assert [worker.ask(number)[0] for number in range(2)] == [expected] * 2
    worker.close()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError("odd"), "other error: ValueError: odd"),
        (RecursionError("deep"), "other error: RecursionError: deep"),
        (MemoryError(), "other error: MemoryError: "),
    ],
)
def test_errors_that_impasto_does_not_mean_are_found(
    fuzz: ModuleType, monkeypatch: pytest.MonkeyPatch, error: Exception, expected: str
) -> None:
    def fail(data: bytes, max_pixels: int) -> None:
        raise error

    name, data = fuzz.seeds()[0]
    assert name == "PNG" and fuzz.outcome(data) == "picture"
    monkeypatch.setattr(fuzz, "load_image", fail)
    assert fuzz.outcome(data) == expected
