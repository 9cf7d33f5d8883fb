"""The published sets of VGG weights: who published them, where, under which licence, how to know them.

Every fact here was read in a public source, named in a comment beside it; what no source states is None.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from impasto.encoders.preprocessing import CAFFE_BGR, IMAGENET_RGB, Preprocessing
from impasto.errors import named


@dataclass(frozen=True)
class WeightSource:
    """A published file of weights.  `size` is in bytes, exact; of the digests, at least one is known."""

    name: str
    file_name: str
    urls: tuple[str, ...]
    licence: str
    layout: str
    preprocessing: Preprocessing
    size: int | None = None
    sha256: str | None = None
    sha256_prefix: str | None = None
    md5: str | None = None

    @property
    def architecture(self) -> str:
        """The first part of the name: `vgg19` of `vgg19.keras`."""
        return self.name.split(".")[0]


# Simonyan & Zisserman's page, www.robots.ox.ac.uk/~vgg/research/very_deep: "The models are released under Creative
# Commons Attribution License".  torchvision's were trained from scratch (its models/vgg.py: "trained from scratch by
# using a simplified training recipe") and come under torchvision's own licence.
_OXFORD = "CC BY 4.0 (Simonyan & Zisserman, Oxford)"
_TORCHVISION = "BSD-3-Clause (torchvision)"


def _torchvision(name: str, file_name: str, size: int, sha256: str) -> WeightSource:
    """URL: torchvision/models/vgg.py.  Size: the progress bars of many published notebooks.  The full sha256 is stated
    alike by several independent projects, and begins as torchvision's file name does.
    """
    urls = (f"https://download.pytorch.org/models/{file_name}",)
    return WeightSource(name, file_name, urls, _TORCHVISION, "torchvision", IMAGENET_RGB, size, sha256, sha256[:8])


_KERAS_FILE = "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"

_SOURCES = (
    _torchvision(
        "vgg19.torchvision",
        "vgg19-dcbb9e9d.pth",
        574_673_361,
        "dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44",
    ),
    # By Keras' authors.  First URL: keras/applications/vgg19.py; second: keras_applications 1.0, with the same
    # md5.  Size: progress bars of published notebooks, the same for both.  No source found states a sha256.
    WeightSource(
        name="vgg19.keras",
        file_name=_KERAS_FILE,
        urls=(
            f"https://storage.googleapis.com/tensorflow/keras-applications/vgg19/{_KERAS_FILE}",
            f"https://github.com/fchollet/deep-learning-models/releases/download/v0.1/{_KERAS_FILE}",
        ),
        licence=_OXFORD,
        layout="Keras",
        preprocessing=CAFFE_BGR,
        size=80_134_624,
        md5="253f8cb515780f3b799900260a226db6",
    ),
    # Converted by Justin Johnson (pytorch-vgg).  First URL: neural-style-pt and others, since the bucket that
    # jcjohnson/pytorch-vgg names answers 403.  Second: the release of ai-forever/ghost-2.0, which needs the file under
    # this name.  The prefix rests on the model zoo's rule for file names (the first eight digits of the sha256).  No
    # source found states the size or the full digest; a copy that another program has saved anew has other bytes.
    WeightSource(
        name="vgg19.caffe",
        file_name="vgg19-d01eb7cb.pth",
        urls=(
            "https://web.eecs.umich.edu/~justincj/models/vgg19-d01eb7cb.pth",
            "https://github.com/ai-forever/ghost-2.0/releases/download/aligner/vgg19-d01eb7cb.pth",
        ),
        licence=_OXFORD,
        layout="Caffe-derived",
        preprocessing=CAFFE_BGR,
        sha256_prefix="d01eb7cb",
    ),
    _torchvision(
        "vgg16.torchvision",
        "vgg16-397923af.pth",
        553_433_881,
        "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
    ),
)

REGISTRY: Mapping[str, WeightSource] = MappingProxyType({source.name: source for source in _SOURCES})

COMPACT, VGG19 = IN_PACKAGE = "compact", "vgg19"
SHORT_NAMES = {"vgg16": "vgg16.torchvision"}


# The same weights, in files of different precision.
OXFORD = (VGG19, "vgg19.caffe", "vgg19.keras")


def see_alike(name: str, other: str) -> bool:
    """Whether what one encoder is fed suits the other: `compact` takes any colors, as its weights are no source's."""
    return name in (other, COMPACT) or {name, other} <= set(OXFORD)


def encoder_names() -> tuple[str, ...]:
    """Every encoder that can be asked for, those in the package first."""
    return (*IN_PACKAGE, *SHORT_NAMES, *REGISTRY)


def find_source(name: str) -> WeightSource:
    """The registry's entry of that name.

    Raises:
        UnknownNameError: there is none.
    """
    return named("weight set", name, REGISTRY)


def cache_folder() -> Path:
    """Where downloads are kept: `IMPASTO_CACHE`, or the system's folder for caches.  It need not exist yet."""
    from platformdirs import user_cache_path  # noqa: PLC0415 - help does not need it

    chosen = os.environ.get("IMPASTO_CACHE")
    return Path(chosen).expanduser() if chosen else user_cache_path("impasto")


def cached_path(source: WeightSource) -> Path:
    """Where impasto itself keeps the file of `source`."""
    return cache_folder() / source.file_name


def places(source: WeightSource) -> tuple[Path, ...]:
    """Where the file of `source` may be already: impasto's own cache first, then torch.hub's and Keras'."""
    torch_home = Path(os.environ.get("TORCH_HOME", "~/.cache/torch")).expanduser()
    keras_home = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()
    folders = (torch_home / "hub" / "checkpoints", keras_home / "models")
    return (cached_path(source), *(folder / source.file_name for folder in folders))


def weight_path(name: str) -> Path:
    """Where the file of a weight set is, or would be cached.

    Raises:
        UnknownNameError: no weight set is called `name`.
    """
    source = find_source(name)
    return next((place for place in places(source) if place.is_file()), cached_path(source))


def human_size(size: int | None) -> str:
    """A number of bytes as in `548 MB`."""
    return "size unknown" if size is None else f"{size / 2**20:.0f} MB"


def by_hand(source: WeightSource) -> str:
    """What to do when the file of `source` cannot be downloaded."""
    return (
        f"Put {source.file_name} ({human_size(source.size)}) from {source.urls[0]} at {cached_path(source)} by hand, "
        "or use the built-in encoder: --encoder compact"
    )
