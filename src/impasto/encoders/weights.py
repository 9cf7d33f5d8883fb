"""Weights of VGG networks, by the name of a published set or from any file that has them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from impasto.encoders.download import Progress, fetch, find_verified
from impasto.encoders.formats import DAMAGED, read_tensors
from impasto.encoders.layouts import Chain, find_chain
from impasto.encoders.preprocessing import CAFFE_BGR, IMAGENET_RGB, Preprocessing
from impasto.encoders.registry import REGISTRY, WeightSource, by_hand
from impasto.encoders.signatures import PREPROCESSINGS, recognised_preprocessing
from impasto.encoders.verification import check_once
from impasto.errors import MissingFileError, NotDownloadedError, UnknownNameError, WeightsError
from impasto.files import file_hash

_SUFFIXES = {".pth", ".pt", ".bin", ".safetensors", ".h5", ".hdf5", ".keras"}


@dataclass(frozen=True, eq=False)
class Weights:
    """A loaded set.

    `name` is the registry's or the file's, `layout` the way the file names its layers, `padding` what the network was
    trained with, `evidence` how the preprocessing was told.

    Shape: `tensors` are `conv1_1.weight` (out, in, 3, 3), `conv1_1.bias` (out,), ... in VGG's order, float32.
    """

    name: str
    architecture: str
    layout: str
    preprocessing: Preprocessing
    tensors: dict[str, Tensor]
    padding: str = "zeros"
    sha256: str = ""
    evidence: str = ""


def load_weights(
    name_or_path: str | os.PathLike[str],
    *,
    download: bool = True,
    progress: Progress | None = None,
    preprocessing: str | None = None,
) -> Weights:
    """The weights of that name in the registry, or in that file, whatever its layout.

    Args:
        name_or_path: A weight set, as in `vgg19.torchvision`, or a file of one of the layouts in `layouts`.
        download: Whether a set that is not on this computer may be downloaded.
        progress: Called while downloading with the bytes that are there and the bytes there will be, if known.
        preprocessing: What the network expects: `torchvision`, `caffe` or `caffe-rgb`; None to tell it from the file.

    Raises:
        UnknownNameError: no weight set and no file is called that, or no preprocessing.
        MissingFileError: a path at which there is no file.
        WeightsError: the file cannot be had, is damaged, or holds no usable VGG.
    """
    if preprocessing not in (None, *PREPROCESSINGS):
        raise UnknownNameError("preprocessing", str(preprocessing), PREPROCESSINGS)
    source = REGISTRY.get(os.fspath(name_or_path))
    if source:
        path = fetch(source.name, progress=progress) if download else find_verified(source)
        if path is None:
            raise NotDownloadedError(
                f"{source.name} is not on this computer, and it may not be downloaded. {by_hand(source)}"
            )
        return _loaded(path, source, check_once(path, source), preprocessing)
    path = Path(name_or_path)
    if not path.is_file():
        # A path has a folder or a suffix; what has neither was meant as a name.
        if isinstance(name_or_path, str) and len(path.parts) == 1 and path.suffix not in _SUFFIXES:
            raise UnknownNameError("weight set", name_or_path, REGISTRY)
        raise MissingFileError(f"There is no weight file {path}. Check the name and the folder.")
    sha256 = file_hash(path)
    source = next((known for known in REGISTRY.values() if known.sha256 == sha256), None)
    return _loaded(path, source, sha256, preprocessing)


def _loaded(path: Path, source: WeightSource | None, sha256: str, asked: str | None) -> Weights:
    """A file that is proven to be the one of `source`, or any other, whose keys and filters must tell what it is."""
    try:
        kind, tensors = read_tensors(path)
        chain = find_chain(tensors)
    except WeightsError as error:
        raise WeightsError(f"Cannot use {path}: {error}") from error
    except OSError as error:
        raise WeightsError(f"Cannot read {path}: {error.strerror or error}") from error
    except Exception as error:  # a file can be wrong in more ways than anybody lists
        raise WeightsError(f"Cannot use {path}: {DAMAGED}") from error
    expected, evidence = (source.preprocessing, "the published file") if source else _expected_input(chain)
    if asked:
        expected, evidence = PREPROCESSINGS[asked], "as asked"
    return Weights(
        name=source.name if source else path.name,
        architecture=chain.architecture,
        layout=source.layout if source else _layout(kind, chain, expected),
        preprocessing=expected,
        tensors=chain.tensors,
        padding="reflect" if chain.color else "zeros",
        sha256=sha256,
        evidence=evidence,
    )


def _expected_input(chain: Chain) -> tuple[Preprocessing, str]:
    if chain.color:
        return chain.color, "the file's own layer on colors"
    name = recognised_preprocessing(chain.tensors["conv1_1.weight"])
    if name:
        return PREPROCESSINGS[name], "the first filters, which are those of a published network"
    usual = IMAGENET_RGB if chain.style == "features" else CAFFE_BGR
    return usual, "assumed from the names of the layers; preprocessing= decides otherwise"


def _layout(kind: str, chain: Chain, expected: Preprocessing) -> str:
    if chain.style == "features":
        return "torchvision" if expected == IMAGENET_RGB else "Caffe-derived"
    if chain.style == "chain":
        return "normalised, unnamed" if chain.color else "unnamed"
    if chain.style == "Keras":
        return "Keras"
    return "safetensors" if kind == "safetensors" else "authors' Caffe (vgg_conv)"
