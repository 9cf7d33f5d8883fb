"""Where to compute, and in which number format."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from operator import attrgetter
from threading import RLock
from typing import Any

import torch

from impasto.choices import DEVICES, DTYPES
from impasto.errors import UnknownNameError, UsageError
from impasto.torchrun import local_rank

FORMATS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float64": torch.float64}
TF32 = "tf32"
_FLAGS = (  # how CUDA multiplies float32 numbers; the first two set the others, which came with PyTorch 2.9
    ("cuda.matmul", "allow_tf32"),
    ("cudnn", "allow_tf32"),
    ("cuda.matmul", "fp32_precision"),
    ("cudnn.conv", "fp32_precision"),
    ("cudnn.rnn", "fp32_precision"),
)
_ON_CPU = (("mkldnn.matmul", "fp32_precision"), ("mkldnn.conv", "fp32_precision"))
_EXACT = ("none", "ieee")
_in_use = RLock()  # of the flags
_computing: set[int] = set()  # the processes that have computed: this one, or one that it was forked from


def available_devices() -> tuple[str, ...]:
    """The kinds of device this PyTorch can use now, fastest first; `cuda` is also what ROCm answers to."""
    present = {
        "cuda": torch.cuda.is_available(),
        "xpu": torch.xpu.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    return (*(kind for kind, there in present.items() if there), "cpu")


def resolve_device(name: str) -> torch.device:
    """The device called `name`; `auto` is the fastest there is.

    Of processes that `torchrun` started each has a CUDA device of its own, number LOCAL_RANK.

    Raises:
        UnknownNameError: no such kind of device.
        UsageError: this PyTorch, or this machine, has none, or has it for another process.
    """
    kind, _, index = name.partition(":")
    if kind == "gpu":
        raise UsageError(
            f"Unknown device {name!r}; name its kind: cuda (NVIDIA, AMD), xpu (Intel), mps (Apple) or auto."
        )
    if kind not in DEVICES or not (index == "" or index.isdecimal()):
        raise UnknownNameError("device", name, DEVICES)
    available = available_devices()
    if kind == "auto":
        kind = available[0]
    if kind not in available:
        raise UsageError(f"Device {name!r} is not available here; available: {', '.join(available)}.")
    if kind == "cuda" and index and int(index) >= torch.cuda.device_count():
        raise UsageError(f"Device {name!r} does not exist; this machine has {torch.cuda.device_count()} of that kind.")
    rank = local_rank()
    if kind == "cuda" and rank is not None:
        count = torch.cuda.device_count()
        if rank >= count:
            raise UsageError(
                f"Process {rank} of this machine has no GPU of its own: there are {count}. Start {count} processes, "
                "or choose --device cpu."
            )
        if index not in ("", str(rank)):
            raise UsageError(f"Device {name!r} is not that of process {rank}. Choose --device cuda, without a number.")
        return torch.device(kind, rank)
    return torch.device(kind, int(index)) if index else torch.device(kind)


def has_own_memory(device: torch.device) -> bool:
    """Whether `device` computes in memory of its own, which is smaller than main memory."""
    return device.type in ("cuda", "xpu")


def resolve_dtype(name: str, device: torch.device) -> torch.dtype:
    """The number format of features; `auto` is bfloat16 where `device` multiplies it natively, else float32.

    `tf32` is float32 whose products are rounded, see `products`.

    Raises:
        UnknownNameError: no such format.
        UsageError: `device` does not have it.
    """
    if name == "auto":
        return torch.bfloat16 if _native_bfloat16(device) else torch.float32
    if name == TF32:
        if device.type != "cuda" or torch.cuda.get_device_capability(device) < (8, 0):
            raise UsageError(f"{device} has no tf32, which NVIDIA GPUs have since Ampere; use float32 or auto.")
        return torch.float32
    if name not in FORMATS:
        raise UnknownNameError("dtype", name, DTYPES)
    return FORMATS[name]


def format_name(asked: str, dtype: torch.dtype) -> str:
    """The name of the number format that `asked` stood for, if `dtype` is what `resolve_dtype` made of it."""
    return TF32 if asked == TF32 else str(dtype).removeprefix("torch.")


@contextmanager
def own_modes() -> Iterator[None]:
    """Within the block, PyTorch computes as impasto expects, whatever modes the caller is in.

    Tensors may have gradients, number formats are those of the tensors, and new tensors are on the CPU.  A process that
    was forked from one that had computed gets by with one thread: the others did not come along, and would be waited
    for without end.
    """
    _computing.add(os.getpid())
    with ExitStack() as modes:
        if len(_computing) > 1:
            torch.set_num_threads(1)
        modes.enter_context(torch.inference_mode(False))
        for kind in ("cpu", "cuda", "mps", "xpu"):
            if torch.is_autocast_enabled(kind):
                modes.enter_context(torch.autocast(kind, enabled=False))
        if torch.get_default_device().type != "cpu":
            modes.enter_context(torch.device("cpu"))
        yield


@contextmanager
def products(format_name: str) -> Iterator[None]:
    """Within the block, float32 numbers are multiplied as they are, by CUDA rounded to 10 bits for the format `tf32`.

    PyTorch rounds in CUDA's convolutions unless it is told not to, and on a CPU if it was told to, which would make
    float32 other formats there. Its flags are those of the whole process: other threads wait for the block's end to
    enter one of theirs, and whatever else multiplies meanwhile does so in this format. Where nothing rounds, nothing is
    changed.
    """
    cuda, rounding = torch.cuda.is_available(), [each for each in _flags(_ON_CPU) if each[2] not in _EXACT]
    if not (cuda or rounding):
        yield
        return
    with _in_use:
        before = [*(_flags(_FLAGS) if cuda else ()), *rounding]
        for path, name in _FLAGS[:2] if cuda else ():
            setattr(attrgetter(path)(torch.backends), name, format_name == TF32)
        for owner, name, _ in rounding:
            setattr(owner, name, _EXACT[1])
        try:
            yield
        finally:
            for owner, name, value in before:
                setattr(owner, name, value)


def _flags(paths: Iterable[tuple[str, str]]) -> Iterator[tuple[Any, str, Any]]:
    """Each of these flags that there is, as its owner, its name and its value."""
    for path, name in paths:
        with suppress(AttributeError, RuntimeError):  # the first two cannot be read where the others contradict them
            owner = attrgetter(path)(torch.backends)
            yield owner, name, getattr(owner, name)


def describe_device(device: torch.device) -> str:
    """The device in words, as `cpu (2 threads)` or `cuda (NVIDIA H100)`."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    if device.type == "cpu":
        return f"cpu ({torch.get_num_threads()} threads, {platform.machine()})"
    return str(device)


def _native_bfloat16(device: torch.device) -> bool:
    """Whether `device` has instructions for bfloat16; without, it is slower than float32."""
    if device.type == "cuda":
        with torch.cuda.device(device):
            return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "xpu" and hasattr(torch.xpu, "is_bf16_supported"):
        return bool(torch.xpu.is_bf16_supported())
    if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities"):
        able = torch.cpu.get_capabilities()
        return any(able.get(name, False) for name in ("avx512_bf16", "amx_bf16"))
    return False
