"""Where to compute, and in which number format."""

from __future__ import annotations

import platform

import torch

from impasto.errors import UnknownNameError, UsageError

DEVICES = ("auto", "cpu", "cuda", "mps", "xpu")
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float64": torch.float64}
TF32 = "tf32"


def available_devices() -> tuple[str, ...]:
    """The kinds of device this PyTorch can use now, fastest first; `cuda` is also what ROCm answers to."""
    present = {
        "cuda": torch.cuda.is_available(),
        "xpu": hasattr(torch, "xpu") and torch.xpu.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    return (*(kind for kind, there in present.items() if there), "cpu")


def resolve_device(name: str) -> torch.device:
    """The device called `name`; `auto` is the fastest there is.

    Raises:
        UnknownNameError: no such kind of device.
        UsageError: this PyTorch, or this machine, has none.
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
        return torch.device(available[0])
    if kind not in available:
        raise UsageError(f"Device {name!r} is not available here; available: {', '.join(available)}.")
    if kind == "cuda" and index and int(index) >= torch.cuda.device_count():
        raise UsageError(f"Device {name!r} does not exist; this machine has {torch.cuda.device_count()} of that kind.")
    return torch.device(name)


def has_own_memory(device: torch.device) -> bool:
    """Whether `device` computes in memory of its own, which is smaller than main memory."""
    return device.type in ("cuda", "xpu")


def resolve_dtype(name: str, device: torch.device) -> torch.dtype:
    """The number format of features; `auto` is bfloat16 where `device` multiplies it natively, else float32.

    `tf32` is float32 whose products are rounded, see `set_products`.

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
    if name not in DTYPES:
        raise UnknownNameError("dtype", name, ("auto", *DTYPES))
    return DTYPES[name]


def set_products(name: str) -> None:
    """Have CUDA devices multiply float32 numbers as they are, or rounded to 10 bits if `name` is `tf32`.

    For the whole process. PyTorch rounds in convolutions unless it is told not to, which would make float32 on a GPU
    another format than on a CPU.
    """
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = name == TF32


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
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "xpu" and hasattr(torch.xpu, "is_bf16_supported"):
        return bool(torch.xpu.is_bf16_supported())
    if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities"):
        able = torch.cpu.get_capabilities()
        return any(able.get(name, False) for name in ("avx512_bf16", "amx_bf16"))
    return False
