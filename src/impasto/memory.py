"""How much memory there is, how much is taken, and how much a computation takes at its peak."""

from __future__ import annotations

import ctypes
import os
import re
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from impasto.errors import UsageError

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_BINARY = {"KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _MOST = -1, -3, 2**31 - 4096  # of malloc.h


def parse_bytes(text: str) -> int:
    """`4GB`, `500 MB` or `1.5GiB` in bytes.

    Raises:
        UsageError: it is none of these.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]I?|)B?\s*", text.upper())
    if not match or (size := round(float(match[1]) * (_UNITS | _BINARY)[match[2]])) < 1:
        raise UsageError(f"memory is {text!r}; it must be a size such as 4GB, 500MB or 1.5GiB.")
    return size


def in_words(size: float) -> str:
    """`640 MB`, `3.2 GB`."""
    return f"{size / 1e9:.1f} GB" if size >= 999.5e6 else f"{size / 1e6:.0f} MB"


def resident_memory(device: torch.device) -> int:
    """Bytes this process takes now: of main memory, or of the memory of a CUDA device."""
    if device.type == "cuda":
        return int(torch.cuda.memory_reserved(device))
    with suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    import resource  # noqa: PLC0415  # not on every system

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS


def free_memory(device: torch.device) -> int:
    """Bytes that this process can still take without driving others out, as well as it can be known."""
    if device.type == "cuda":
        free = torch.cuda.mem_get_info(device)[0]
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    with suppress(OSError, ValueError, IndexError):
        available = re.findall(r"^MemAvailable:\s*(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)[0]
        return min(int(available) * 1024, _free_in_container())
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def _free_in_container() -> int:
    """Bytes below the limit of the control group, as containers set it; a very large number without one."""
    group = Path("/sys/fs/cgroup")
    with suppress(OSError, ValueError):
        return max(0, int((group / "memory.max").read_text()) - int((group / "memory.current").read_text()))
    return 2**62


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


class LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Within its block, counts the bytes of tensors that are made and still live: `now`, and `peak`, the most so far.

    Shape-only work costs the same as elsewhere; every operation takes some ten microseconds more.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.peak = 0
        self._sizes: dict[int, int] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """No: to be skipped by the compiler, this class would load it, which takes seconds."""
        return False

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run the operation, and count what it made."""
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor):
                self._count(tensor.untyped_storage())
        return made

    def _count(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key not in self._sizes:
            self._sizes[key] = storage.nbytes()
            self.now += storage.nbytes()
            self.peak = max(self.peak, self.now)
            weakref.finalize(storage, self._forget, key)

    def _forget(self, key: int) -> None:
        self.now -= self._sizes.pop(key)
