"""How much memory there is, as files of the system say it."""

import os

import psutil
import pytest
import torch

from impasto.memory import free_memory, resident_memory
from impasto.quantities import in_words, rounded_up
from impasto.ranges import parse_bytes

CPU = torch.device("cpu")
GB = 10**9


@pytest.mark.parametrize(
    "size", [1, 449_000_001, 450_000_000, 998_000_001, 1_000_000_000, 2_510_000_000, 3_199_999_999]
)
def test_rounded_up_is_enough_and_little_more(size):
    assert size <= parse_bytes(rounded_up(size)) <= 1.05 * size + 10**6
    assert in_words(parse_bytes(rounded_up(size))) == rounded_up(size)


def test_resident_memory_is_what_the_system_says():
    assert resident_memory(CPU) == pytest.approx(psutil.Process(os.getpid()).memory_info().rss, rel=0.05)


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """machine({path: text}) is the root folder of one with 64 GB to spare and these files."""

    def make(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    spare = psutil.virtual_memory()._replace(available=64 * GB)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: spare)
    return make


def of_version_2(group, limit, taken, **stat):
    folder = f"sys/fs/cgroup/{group}"
    lines = "".join(f"{name} {size}\n" for name, size in stat.items())
    return {
        f"{folder}/memory.max": f"{limit}\n",
        f"{folder}/memory.current": f"{taken}\n",
        f"{folder}/memory.stat": lines,
    }


def test_without_control_groups_it_is_what_the_machine_has(machine):
    assert free_memory(CPU, machine({})) == 64 * GB


def test_a_container_counts_files_it_read_as_free(machine):
    files = of_version_2(".", 4 * GB, int(3.95 * GB), inactive_file=3 * GB, active_file=GB * 9 // 10, file_mapped=10**8)
    root = machine({"proc/self/cgroup": "0::/\n", **files})
    assert free_memory(CPU, root) == 4 * GB - int(3.95 * GB) + int(3.8 * GB)


def test_the_tightest_of_nested_groups_counts(machine):
    files = (
        of_version_2("jobs", 8 * GB, 6 * GB)
        | of_version_2("jobs/one", "max", GB)
        | {"proc/self/cgroup": "0::/jobs/one\n"}
    )
    assert free_memory(CPU, machine(files)) == 2 * GB


def test_the_path_of_a_group_may_be_that_outside_of_the_container(machine):
    files = of_version_2(".", 4 * GB, GB) | {"proc/self/cgroup": "0::/docker/0123abcd\n"}
    assert free_memory(CPU, machine(files)) == 3 * GB


def test_groups_of_version_1(machine):
    folder = "sys/fs/cgroup/memory/batch/7"
    files = {
        "proc/self/cgroup": "5:cpu,cpuacct:/\n4:memory:/batch/7\n0::/\n",
        f"{folder}/memory.limit_in_bytes": f"{2 * GB}",
        f"{folder}/memory.usage_in_bytes": f"{2 * GB}",
        f"{folder}/memory.stat": f"inactive_file 5\ntotal_inactive_file {GB}\ntotal_active_file 0\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
        "sys/fs/cgroup/memory/memory.usage_in_bytes": f"{20 * GB}",
        "sys/fs/cgroup/memory/memory.stat": "",
    }
    assert free_memory(CPU, machine(files)) == GB


def test_a_group_over_its_limit_leaves_nothing(machine):
    files = of_version_2(".", GB, 2 * GB) | {"proc/self/cgroup": "0::/\n"}
    assert free_memory(CPU, machine(files)) == 0
