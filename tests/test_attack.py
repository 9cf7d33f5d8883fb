"""A short run of benchmarks/attack.py: nothing that is tried does harm, and the benchmark tells if something does."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import warm

pytest.importorskip("h5py")
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks, and limits files by Linux's means")

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
WITHOUT_SEALS = """
import sys
from impasto.checkpoint import folder, snapshots
folder.check_seal = snapshots.check_seal = lambda _: None
import attack
sys.exit(attack.main())
"""


def rows(*command):
    """The exit code, and the numbers of each row of the table: tried, survived, plain, and what is bad."""
    run = warm.run(command, cwd=BENCHMARKS, capture_output=True, text=True, timeout=300)
    cells = [line.strip("| ").split(" | ") for line in run.stdout.splitlines()[2:]]
    return run.returncode, {kind: [*map(int, numbers[:8])] for kind, *numbers in cells}, run.stderr


def test_what_is_tried_is_survived_or_told_plainly():
    code, found, err = rows("attack.py", "--count", "20", "--kills", "12", "--seed", "3")
    assert code == 0, err
    assert set(found) == {
        "PyTorch",
        "PyTorch, old",
        "safetensors",
        "HDF5",
        "mirrors",
        "flips",
        "kills",
        "disks",
        "clocks",
    }
    assert all(tried == survived + plain for tried, survived, plain, *_ in found.values())
    assert found["kills"][:2] == [found["kills"][0]] * 2 and found["kills"][0] >= 12
    assert found["flips"][2] > 5 and found["mirrors"][1] >= 1


def test_the_benchmark_tells_what_was_altered():
    code, found, _ = rows("-c", WITHOUT_SEALS, "--only", "flips", "--count", "60")
    assert code == 1
    assert found["flips"][3] > 5
