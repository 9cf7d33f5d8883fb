"""Tensors by name, with JSON, in a safetensors file, checksums included.

Differs: `safetensors.torch.save_file` fills a temporary file with a name of its own, which a process that is killed
leaves behind; `save` holds all bytes a second time.  Here the tensors go into the named file one after the other.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import safe_open
from torch import Tensor

_TYPES: Final = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.bfloat16: "BF16",
    torch.float16: "F16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


def write_tensors(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Write a new file: contiguous tensors on the CPU, and `about` in its header.

    Raises:
        OSError: what the system says
    """
    sums = {name: zlib.crc32(_bytes(tensor)) for name, tensor in tensors.items()}
    header: dict[str, Any] = {"__metadata__": {"impasto": json.dumps({**about, "sums": sums})}}
    ordered = sorted(tensors.items(), key=lambda each: -each[1].element_size())  # each aligned to its own numbers
    end = 0
    for name, tensor in ordered:
        begin, end = end, end + tensor.nbytes
        header[name] = {"dtype": _TYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [begin, end]}
    start = json.dumps(header).encode()
    start += b" " * (-len(start) % 8)
    with path.open("xb") as file:
        file.write(len(start).to_bytes(8, "little") + start)
        file.writelines(_bytes(tensor) for _, tensor in ordered)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors of a file, and what it says about them.

    Raises:
        OSError, SafetensorError, LookupError, TypeError, ValueError: it is damaged
    """
    with safe_open(path, framework="pt") as file:
        about = json.loads(file.metadata()["impasto"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
    for name, tensor in tensors.items():
        if zlib.crc32(_bytes(tensor)) != about["sums"][name]:
            raise ValueError("its checksum is wrong")
    return tensors, about


def _bytes(tensor: Tensor) -> memoryview:
    return tensor.reshape(-1).view(torch.uint8).numpy().data
