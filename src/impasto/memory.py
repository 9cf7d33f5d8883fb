"""How much memory there is and how much is taken: of this process, its container and its machine."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import torch

from impasto.devices import has_own_memory

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _MOST = -1, -3, 2**31 - 4096  # of malloc.h
# Where control groups of version 2 and 1 are, and what they call their limit, what is taken, and the parts of that.
_V2 = ("sys/fs/cgroup", "memory.max", "memory.current", "")
_V1 = ("sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_")


def resident_memory(device: torch.device) -> int:
    """Bytes this process takes now: of main memory, or of the memory of a GPU that has its own."""
    if has_own_memory(device):
        return int(getattr(torch, device.type).memory_reserved(device))
    return int(psutil.Process().memory_info().rss)


def free_memory(device: torch.device, root: Path = Path("/")) -> int:
    """Bytes that this process can still take without driving others out, as well as it can be known.

    `root` is the folder that /proc and /sys are in.
    """
    if has_own_memory(device):
        memory = getattr(torch, device.type)
        return int(memory.mem_get_info(device)[0] + memory.memory_reserved(device) - memory.memory_allocated(device))
    return min(int(psutil.virtual_memory().available), *_free_in_groups(root), 2**62)


def _free_in_groups(root: Path) -> Iterator[int]:
    """Bytes below the limit of each control group that this process is in, as containers and batch systems set them."""
    with suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers and "memory" not in controllers.split(","):
                continue
            folder, limit, taken, prefix = _V1 if controllers else _V2
            inside = Path(path.strip("/"))  # in a container it may be the path outside; then only the top is there
            for group in (inside, *inside.parents):
                with suppress(OSError, ValueError):  # ValueError: no limit, which is called `max`
                    at = root / folder / group
                    yield max(0, int((at / limit).read_text()) - int((at / taken).read_text()) + _cache(at, prefix))


def _cache(group: Path, prefix: str) -> int:
    """Bytes of files that a control group has read and gives up when it needs to: those that no process has mapped."""
    text = (group / "memory.stat").read_text()
    found = {name: int(size) for name, size in re.findall(r"^(\w+) (\d+)$", text, re.MULTILINE)}
    mapped = found.get("file_mapped", found.get("total_mapped_file", 0))
    return max(0, found.get(f"{prefix}active_file", 0) + found.get(f"{prefix}inactive_file", 0) - mapped)


def give_back() -> None:
    """Hand memory that was freed back to the system, where the C library keeps it for itself."""
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def keep_freed(below: int = _MOST) -> None:
    """Have the C library keep blocks of less than `below` bytes that were freed for the next ones, where it is glibc.

    For the whole process. Fetching them from the system anew costs a tenth of an evaluation's time, in tiles a third:
    every page is cleared again. Larger blocks are best left out if they live longer: they would split the heap.
    """
    with suppress(OSError, AttributeError, TypeError):
        library = ctypes.CDLL(None)
        library.mallopt(_M_MMAP_THRESHOLD, min(below, _MOST))
        library.mallopt(_M_TRIM_THRESHOLD, _MOST)


def out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that memory could not be had."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    told = str(error).lower()
    return isinstance(error, RuntimeError) and any(
        sign in told for sign in ("allocate memory", "out of memory", "not enough memory", "bad_alloc")
    )
