"""Files of weights -> their tensors under their own keys.  Nothing in a file is ever executed.

A file's kind is read from its first bytes, never from its name.  What the keys mean is for `layouts` to say.
"""

from __future__ import annotations

import os
import pickletools
import re
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Final

import torch
from safetensors import safe_open
from safetensors.torch import load
from torch import Tensor

from impasto.encoders.layouts import MOST
from impasto.errors import WeightsError

DAMAGED: Final = "the file is damaged or not complete"
REFUSED: Final = 3  # what the process of `keras` ends with, where it says why
_PATIENCE: Final = 30.0  # seconds for that process
_PICKLES: Final = 5  # in a file of PyTorch before 1.6; then come the bytes of its tensors
_PLAIN: Final = r"collections OrderedDict|torch\._utils _rebuild_(tensor(_v2)?|parameter)|torch \w*Storage|torch Size"
_KINDS = (  # how files begin: a length of at most 128 MB, then JSON; a ZIP archive or a pickle
    (rb".{3}[\0-\x07]\0{4}\{", "safetensors"),
    (rb"PK\x03\x04|\x80\x02", "torch"),
    (rb"\x89HDF\r\n\x1a\n", "hdf5"),
)
_OTHERS = (
    (rb"\Z", "the file is empty"),
    (rb"version https://git-lfs", "it is a Git LFS pointer, not the file itself; fetch it with `git lfs pull`"),
    (
        rb"(?i)\s*<(!doctype|html|\?xml|head)",
        "it is a web page, not weights; the download gave a page in place of the file",
    ),
    (rb"", "it is neither a PyTorch, nor a safetensors, nor an HDF5 (Keras) file"),
)


def read_tensors(path: Path) -> tuple[str, dict[str, Tensor]]:
    """The kind of a file (`torch`, `safetensors` or `hdf5`) and its tensors.

    Raises:
        WeightsError: the file is of no known kind, or has code in it, or more numbers than a VGG.
        Exception: it is damaged.
    """
    with path.open("rb") as file:
        head = file.read(64)
    kind = _first_match(_KINDS, head)
    if kind is None:
        raise WeightsError(_first_match(_OTHERS, head))
    return kind, _READERS[kind](path)


def _first_match(patterns: Sequence[tuple[bytes, str]], head: bytes) -> str | None:
    return next((words for pattern, words in patterns if re.match(pattern, head, re.DOTALL)), None)


def _read_torch(path: Path) -> dict[str, Tensor]:
    zipped = zipfile.is_zipfile(path)
    if zipped:
        with zipfile.ZipFile(path) as archive:
            if sum(each.file_size for each in archive.infolist()) > path.stat().st_size:
                raise WeightsError("it unpacks to more than it holds; what PyTorch saves is not compressed")
            if "model.weights.h5" in archive.namelist():
                remedy = "save its weights alone: model.save_weights('x.weights.h5')"
                raise WeightsError(f"it is a Keras model archive; {remedy}")
            for each in archive.infolist():
                if each.filename.endswith(".pkl"):
                    with archive.open(each) as stream:
                        _check_names(stream, 1)
    else:
        with path.open("rb") as stream:
            _check_names(stream, _PICKLES)
    return _state_dict(torch.load(path, map_location="cpu", weights_only=True, mmap=zipped))


def _check_names(stream: IO[bytes], pickles: int) -> None:
    """Make sure that a stream of so many pickles calls for nothing but tensors.

    PyTorch itself would make more of a file: an array of zeros of any length, tensors that are sparse or of no device.
    """
    for _ in range(pickles):
        for code, name, _ in pickletools.genops(stream):
            if code.name in ("GLOBAL", "INST", "STACK_GLOBAL") and not re.fullmatch(_PLAIN, str(name)):
                called = str(name).replace(" ", ".")
                raise WeightsError(
                    f"there is code in it ({called}), and impasto runs none; only plain tensors are read"
                )


def _state_dict(content: object) -> dict[str, Tensor]:
    """The tensors of a state dict, which may lie in a checkpoint under `state_dict` or `model`."""
    for wrapper in ("state_dict", "model"):
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping):
        raise WeightsError(f"it holds a {type(content).__name__}, not a dictionary of tensors")
    return {str(key): value for key, value in content.items() if isinstance(value, Tensor) and not value.is_meta}


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    with safe_open(path, framework="pt", device="cpu") as file:
        return {key: file.get_tensor(key) for key in file.keys() if not key.startswith("classifier.")}  # noqa: SIM118


def _read_hdf5(path: Path) -> dict[str, Tensor]:
    """What the process of `keras` gives: a file that crashes it, or holds it up, is damaged."""
    if not find_spec("h5py"):
        raise WeightsError("Keras files need the package h5py: pip install 'impasto[keras]'")
    command = [sys.executable, "-P", str(Path(__file__).with_name("keras.py")), str(path.absolute()), str(MOST)]
    libraries = os.pathsep.join(filter(None, sys.path))
    alone = {**os.environ, "PYTHONPATH": libraries, "OPENBLAS_NUM_THREADS": "1"}  # each thread reserves memory
    with TemporaryFile() as found, TemporaryFile() as said:
        ended = subprocess.run(command, stdout=found, stderr=said, env=alone, timeout=_PATIENCE, check=False)  # noqa: S603
        said.seek(0)
        if ended.returncode:
            raise WeightsError(said.read(200).decode() if ended.returncode == REFUSED else DAMAGED)
        found.seek(0)
        return {key[5:]: tensor for key, tensor in sorted(load(found.read()).items())}  # numbered, for the order


_READERS = {"torch": _read_torch, "safetensors": _read_safetensors, "hdf5": _read_hdf5}
