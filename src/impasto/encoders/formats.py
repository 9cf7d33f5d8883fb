"""Files of weights -> their tensors under their own keys.  Nothing in a file is ever executed.

A file's kind is read from its first bytes, never from its name.  What the keys mean is for `layouts` to say.
"""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from impasto.encoders.layouts import LARGEST
from impasto.errors import WeightsError

if TYPE_CHECKING:
    import h5py

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
_DAMAGED = "the file is damaged or not complete"


def read_tensors(path: Path) -> tuple[str, dict[str, Tensor]]:
    """The kind of a file (`torch`, `safetensors` or `hdf5`) and its tensors.

    Raises:
        WeightsError: the file is of no known kind, damaged, or has code in it.
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
    try:
        if zipped:
            with zipfile.ZipFile(path) as archive:
                if sum(each.file_size for each in archive.infolist()) > path.stat().st_size:
                    raise WeightsError("it unpacks to more than it holds; what PyTorch saves is not compressed")
                if "model.weights.h5" in archive.namelist():
                    remedy = "save its weights alone: model.save_weights('x.weights.h5')"
                    raise WeightsError(f"it is a Keras model archive; {remedy}")
        return _state_dict(torch.load(path, map_location="cpu", weights_only=True, mmap=zipped))
    except WeightsError:
        raise
    except pickle.UnpicklingError as error:
        code = re.search(r"GLOBAL ([\w.]+)|Unsupported (?:global|class)\W+(?:GLOBAL )?([\w.]+)", str(error))
        if code is None:
            raise WeightsError(_DAMAGED) from error
        name = code[1] or code[2]
        raise WeightsError(
            f"there is code in it ({name}), and impasto runs none; only plain tensors are read"
        ) from error
    except Exception as error:  # a damaged pickle raises nearly everything
        raise WeightsError(_DAMAGED) from error


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
    """Convolutions under keys like `block1_conv1/kernel`, in the order of their numbers; other layers are left out."""
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
    """A kernel and a bias in the same group are a layer's, called as the group is: so in every version of Keras.

    In a whole model the layers are in `model_weights` (Keras 1 and 2) or `layers` (3), beside what its optimizer keeps.
    Keras 3 has a layer's arrays in `vars`, of which newer versions state the layer's own name.
    """
    root = next((file[name] for name in ("model_weights", "layers") if name in file), file)
    items: list[Any] = []
    root.visititems(lambda _, item: items.append(item))
    groups: dict[str, list[Any]] = {}
    for array in items:
        if getattr(array, "ndim", None) in (1, 4):  # kernels of dense layers have two axes
            groups.setdefault(array.parent.name, []).append(array)
    for path in sorted(groups, key=_natural):
        parts = {"kernel" if array.ndim == 4 else "bias": array for array in groups[path]}
        if "kernel" in parts and len(parts) == len(groups[path]):  # an optimizer has several of a kind in one group
            name = parts["kernel"].parent.attrs.get("name", path.removesuffix("/vars").split("/")[-1])
            name = name.decode() if isinstance(name, bytes) else name
            for part, array in parts.items():
                yield f"{name}/{part}", _tensor(array)


def _natural(path: str) -> list[tuple[int, str]]:
    """A key that sorts `conv2d` before `conv2d_2` before `conv2d_10`."""
    return [(int(digits or -1), text) for text, digits in re.findall(r"([^\d]+)(\d*)", path)]


def _tensor(array: Any) -> Tensor:
    if array.is_virtual or array.external:
        raise WeightsError("it refers to other files for its data")
    if array.size > LARGEST:
        raise WeightsError(f"{array.name} has {array.size} elements, far more than any layer of VGG")
    return torch.from_numpy(array[()])


_READERS = {"torch": _read_torch, "safetensors": _read_safetensors, "hdf5": _read_hdf5}
