"""What this machine can do at most, and how much of that an evaluation uses."""

from __future__ import annotations

import statistics
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from impasto.encoders.base import Sums
from impasto.encoders.catalog import build_encoder
from impasto.encoders.chain import ChainEncoder
from impasto.encoders.compact import compact_weights
from impasto.encoders.preprocessing import CAFFE_BGR
from impasto.encoders.vgg import BLOCK_CHANNELS, convolution_names
from impasto.losses import energy, gram_error, mean_std_error, weighted_sum
from impasto.objective import WholeObjective
from impasto.presets.published import FIVE_LAYERS
from impasto.statistics import at_least_float32
from impasto.terms import ContentTerm, StyleTerm, Term

CONTENT = "relu4_2"
LAST = "relu5_1"
ENCODERS = ("compact", "vgg19")
_CHANNELS, _HEIGHT, _WIDTH = 256, 96, 128  # of a convolution that leaves nothing to be wished for
_SIDE = 1024  # of the matrices of a product that does
_TURNS = 5


@dataclass(frozen=True)
class Ceiling:
    """The most that the machine does of one kind of work, in floating-point operations per second."""

    event: ClassVar = "ceiling"
    work: str
    dtype: str
    rate: float

    def __str__(self) -> str:
        return f"{self.dtype:8}  {self.work:14}  {self.rate / 1e9:8.0f} GFLOP/s at most"


@dataclass(frozen=True)
class Speed:
    """One evaluation of an encoder's objective at `width` by `height`: seconds (a median), and bytes at its peak.

    `rate` is that of its convolutions, `share` the same over the machine's ceiling for convolutions.
    """

    event: ClassVar = "evaluation"
    encoder: str
    dtype: str
    width: int
    height: int
    seconds: float
    rate: float
    share: float
    bytes_per_pixel: float

    def __str__(self) -> str:
        return (
            f"{self.dtype:8}  {self.encoder:7} {f'{self.width}x{self.height}':>9}  {1e3 * self.seconds:7.0f} ms  "
            f"{1 / self.seconds:6.1f} per second  {self.rate / 1e9:6.0f} GFLOP/s, {100 * self.share:3.0f} % of the "
            f"most  {self.bytes_per_pixel / 1e3:5.2f} kB per pixel"
        )


def bench(device: torch.device, dtype: torch.dtype, sizes: Sequence[int]) -> Iterator[Ceiling | Speed]:
    """The ceilings of `device`, then each encoder at 4:3 pictures of each long side.

    VGG-19 has random weights, which cost as much as real ones.
    """
    name = str(dtype).removeprefix("torch.")
    product = _flops_per_second(matrix_product(device, dtype), 2 * _SIDE**3, device)
    yield Ceiling("matrix product", name, product)
    top = _flops_per_second(convolution(device, dtype), CONVOLUTION_FLOPS, device)
    yield Ceiling("convolution", name, top)
    for label in ENCODERS:
        encoder = encoder_to_time(label, device, dtype)
        for width in sizes:
            height = round(width * 3 / 4)
            evaluate = evaluation(encoder, torch.rand(1, 3, height, width, device=device))
            seconds = _seconds(evaluate, device)
            rate = flops(encoder, height * width) / seconds
            peak = _peak_bytes(evaluate) / (height * width)
            yield Speed(label, name, width, height, seconds, rate, rate / top, peak)


def encoder_to_time(name: str, device: torch.device, dtype: torch.dtype) -> ChainEncoder:
    """`compact`, or VGG-19 with random weights."""
    if name == "compact":
        return build_encoder(compact_weights(), device=device, dtype=dtype)
    return ChainEncoder("vgg19", random_vgg(), CAFFE_BGR, device=device, dtype=dtype)


def random_vgg() -> dict[str, Tensor]:
    """Filters of VGG-19's shapes up to conv5_1 that keep activations near 1."""
    generator, tensors, channels = torch.Generator().manual_seed(0), {}, 3
    for name in convolution_names("vgg19")[:13]:
        width = BLOCK_CHANNELS[int(name[4]) - 1]
        filters = torch.randn(width, channels, 3, 3, generator=generator)
        tensors[f"{name}.weight"] = filters * (2 / (9 * channels)) ** 0.5
        tensors[f"{name}.bias"] = torch.zeros(width)
        channels = width
    return tensors


def evaluation(encoder: ChainEncoder, image: Tensor) -> Callable[[], object]:
    """An evaluation of `typical_terms` at `image`, (1, 3, H, W)."""
    objective = WholeObjective(encoder, typical_terms(encoder, image))
    return lambda: objective.evaluate(image)


def typical_terms(encoder: ChainEncoder, image: Tensor) -> list[Term]:
    """Those of the default preset for `compact`, else those of the papers, for pictures as large as `image`."""
    default = encoder.name == "compact"
    layers = [name for name in encoder.layers if name.startswith("relu")] if default else FIVE_LAYERS
    with torch.no_grad():
        targets, features = encoder.sums(torch.rand_like(image), [Sums(layer) for layer in layers], [CONTENT])
    losses = (gram_error, mean_std_error) if default else (gram_error,)
    style = [
        StyleTerm(sums.layer, m, 1.0, weighted_sum(*((1 / float(energy(f, m)), f) for f in losses)))
        for sums, m in targets.items()
    ]
    return [*style, ContentTerm(CONTENT, at_least_float32(features[CONTENT]), 1.0)]


def flops(encoder: ChainEncoder, pixels: int) -> float:
    """Of the convolutions of one evaluation, forward and back to the picture, up to relu5_1."""
    channels, total = 3, 0.0
    for name, info in encoder.layers.items():
        if name.startswith("relu"):
            total += 9 * channels * info.channels / info.stride**2
            channels = info.channels
        if name == LAST:
            break
    return 4 * total * pixels


CONVOLUTION_FLOPS = 2 * _HEIGHT * _WIDTH * _CHANNELS**2 * 9


def convolution(device: torch.device, dtype: torch.dtype) -> Callable[[], object]:
    """A 3x3 convolution of 256 channels, channels_last, of `CONVOLUTION_FLOPS`."""
    x, w = (
        torch.rand(shape, device=device).to(dtype).contiguous(memory_format=torch.channels_last)
        for shape in ((1, _CHANNELS, _HEIGHT, _WIDTH), (_CHANNELS, _CHANNELS, 3, 3))
    )
    return lambda: F.conv2d(x, w, padding=1)


def matrix_product(device: torch.device, dtype: torch.dtype) -> Callable[[], object]:
    """A product of square matrices."""
    a, b = (torch.rand(_SIDE, _SIDE, device=device).to(dtype) for _ in range(2))
    return lambda: a @ b


def _flops_per_second(work: Callable[[], object], count: float, device: torch.device) -> float:
    return count / _seconds(work, device)


def _seconds(work: Callable[[], object], device: torch.device) -> float:
    """The median of some turns, after one that does not count."""
    finish, times = getattr(torch, device.type).synchronize, []
    for _ in range(_TURNS + 1):
        began = time.perf_counter()
        work()
        finish()
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])


def _peak_bytes(work: Callable[[], object]) -> float:
    """Of the tensors that are made during `work`."""
    with LiveBytes() as live:
        work()
    return float(live.peak)


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
