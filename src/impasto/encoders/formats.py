"""Files of weights -> their tensors under their own keys.  Nothing in a file is ever executed.

A file's kind is read from its first bytes, never from its name.  What the keys mean is for `layouts` to say.
"""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from impasto.errors import WeightsError

if TYPE_CHECKING:
    import h5py

_KINDS = {b"\x89HDF\r\n\x1a\n": "hdf5", b"PK\x03\x04": "torch", b"\x80\x02": "torch"}  # a ZIP archive, a pickle
_OTHERS = {
    b"version https://git-lfs": "it is a Git LFS pointer, not the file itself; fetch it with `git lfs pull`",
    **dict.fromkeys(
        (b"<!doctype", b"<html", b"<?xml", b"<head"),
        "it is a web page, not weights; the download gave a page in place of the file",
    ),
}
_DAMAGED = "the file is damaged or not complete"
_LARGEST = 1 << 28  # elements; VGG's largest kernel of a convolution has 2.4 million


def read_tensors(path: Path) -> tuple[str, dict[str, Tensor]]:
    """The kind of a file (`torch`, `safetensors` or `hdf5`) and its tensors.

    Raises:
        WeightsError: the file is of no known kind, damaged, or has code in it.
    """
    try:
        with path.open("rb") as file:
            head = file.read(64)
        kind = file_kind(head)
        return kind, _READERS[kind](path)
    except WeightsError as error:
        raise WeightsError(f"Cannot use {path}: {error}") from error
    except OSError as error:
        raise WeightsError(f"Cannot read {path}: {error.strerror or error}") from error


def file_kind(head: bytes) -> str:
    """`torch`, `safetensors` or `hdf5`, from a file's first bytes.

    Raises:
        WeightsError: it is none of these; the message says what it seems to be.
    """
    for start, kind in _KINDS.items():
        if head.startswith(start):
            return kind
    if head[8:9] == b"{" and 0 < int.from_bytes(head[:8], "little") < 1 << 27:
        return "safetensors"
    if not head:
        raise WeightsError("the file is empty")
    for start, what in _OTHERS.items():
        if head.lstrip().lower().startswith(start):
            raise WeightsError(what)
    raise WeightsError("it is neither a PyTorch, nor a safetensors, nor an HDF5 (Keras) file")


def _read_torch(path: Path) -> dict[str, Tensor]:
    try:
        zipped = zipfile.is_zipfile(path)
        if zipped and _is_keras_archive(path):
            raise WeightsError(
                "it is a Keras model archive; save its weights alone: model.save_weights('x.weights.h5')"
            )
        return _state_dict(torch.load(path, map_location="cpu", weights_only=True, mmap=zipped))
    except pickle.UnpicklingError as error:
        raise WeightsError(_pickle_trouble(str(error))) from error
    except (
        OSError,
        EOFError,
        RuntimeError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        zipfile.BadZipFile,
    ) as error:
        raise WeightsError(_DAMAGED) from error


def _is_keras_archive(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return "model.weights.h5" in archive.namelist()


def _pickle_trouble(message: str) -> str:
    match = re.search(r"GLOBAL ([\w.]+)|Unsupported (?:global|class)\W+(?:GLOBAL )?([\w.]+)", message)
    if match:
        return f"there is code in it ({match[1] or match[2]}), and impasto runs none; only plain tensors are read"
    return _DAMAGED


def _state_dict(content: object) -> dict[str, Tensor]:
    """The tensors of a state dict, which may lie in a checkpoint under `state_dict` or `model`."""
    for wrapper in ("state_dict", "model"):
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping):
        raise WeightsError(f"it holds a {type(content).__name__}, not a dictionary of tensors")
    return {str(key): value for key, value in content.items() if isinstance(value, Tensor)}


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            return {key: file.get_tensor(key) for key in file.keys() if not key.startswith("classifier.")}  # noqa: SIM118
    except SafetensorError as error:
        raise WeightsError(f"{_DAMAGED} ({error})") from error


def _read_hdf5(path: Path) -> dict[str, Tensor]:
    """Convolutions under keys like `block1_conv1/kernel`, in the order of the network; other layers are left out."""
    try:
        import h5py  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise WeightsError("Keras files need the package h5py: pip install 'impasto[keras]'") from error
    try:
        with h5py.File(path, "r") as file:
            return dict(_keras_tensors(file))
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise WeightsError(_DAMAGED) from error


def _keras_tensors(file: h5py.File) -> Iterator[tuple[str, Tensor]]:
    root = file.get("model_weights", file)  # a whole model, saved by Keras 1 or 2, or its weights alone
    layers = _legacy_layers(root) if "layer_names" in root.attrs else _keras3_layers(file)
    for layer, arrays in layers:
        for array in arrays:
            if array.ndim in (1, 4):  # kernels of dense layers have two axes
                yield f"{layer}/{'kernel' if array.ndim == 4 else 'bias'}", _tensor(array)


def _legacy_layers(root: h5py.Group) -> Iterator[tuple[str, list[Any]]]:
    """Keras 1 and 2: a group per layer, in the order of `layer_names`; its arrays are named in `weight_names`."""
    for name in root.attrs["layer_names"]:
        group = root[_text(name)]
        for weight in group.attrs["weight_names"]:
            path = _text(weight).split("/")
            yield path[-2] if len(path) > 1 else _text(name), [group[_text(weight)]]


def _keras3_layers(file: h5py.File) -> Iterator[tuple[str, list[Any]]]:
    """Keras 3: `layers/<class>_<number>/vars/0|1`; newer versions state the layer's own name at `vars`."""
    groups: list[tuple[str, Any]] = []
    file.visititems(lambda path, item: groups.append((path, item)) if path.endswith("/vars") else None)
    convolutions = [(path, group) for path, group in groups if "0" in group and group["0"].ndim == 4]
    for path, group in sorted(convolutions, key=lambda found: _natural(found[0])):
        name = group.attrs.get("name", path.split("/")[-2])
        yield _text(name), [group[index] for index in ("0", "1") if index in group]


def _natural(path: str) -> list[tuple[int, str]]:
    """A key that sorts `conv2d` before `conv2d_2` before `conv2d_10`."""
    return [(int(digits or -1), text) for text, digits in re.findall(r"([^\d]+)(\d*)", path)]


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)


def _tensor(array: Any) -> Tensor:
    if array.is_virtual or array.external:
        raise WeightsError("it refers to other files for its data")
    if array.size > _LARGEST:
        raise WeightsError(f"{array.name} has {array.size} elements, far more than any layer of VGG")
    return torch.from_numpy(array[()])


_READERS = {"torch": _read_torch, "safetensors": _read_safetensors, "hdf5": _read_hdf5}
