"""What this machine can do at most, and how much of that an evaluation uses."""

from __future__ import annotations

import statistics
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from impasto.encoders.chain import ChainEncoder
from impasto.loading import Encoders
from impasto.preparation import Pictures, prepare
from impasto.presets.own import FAST
from impasto.presets.published import PUBLISHED
from impasto.recipe import Recipe
from impasto.run import Run

# What is timed: our own recipe, and the papers' terms on the network they are from.
RECIPES: Mapping[str, Recipe] = MappingProxyType({"compact": FAST, "vgg19": replace(PUBLISHED, encoder="vgg19")})
LAST = "relu5_1"
CONVOLUTION_FLOPS = 2 * 96 * 128 * 256**2 * 9
_SIDE = 1024  # of the matrices of a product that leaves nothing to be wished for
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
    """The ceilings of `device`, then each of `RECIPES` at 4:3 pictures of each long side."""
    name, encoders = str(dtype).removeprefix("torch."), Encoders()
    a, b = torch.rand(2, _SIDE, _SIDE, device=device).to(dtype)
    yield Ceiling("matrix product", name, 2 * _SIDE**3 / _seconds(lambda: a @ b, device))
    top = CONVOLUTION_FLOPS / _seconds(convolution(device, dtype), device)
    yield Ceiling("convolution", name, top)
    for label in RECIPES:
        for width in sizes:
            height = round(width * 3 / 4)
            run = prepared(label, width, height, str(device), name, encoders)
            evaluate = evaluation(run)
            seconds = _seconds(evaluate, device)
            rate = flops(run.plan.encoder, height * width) / seconds
            with LiveBytes() as live:
                evaluate()
            yield Speed(label, name, width, height, seconds, rate, rate / top, live.peak / (height * width))


def prepared(name: str, width: int, height: int, device: str, dtype: str, encoders: Encoders | None = None) -> Run:
    """A run of one of `RECIPES` at one size, on noise."""
    content, style = torch.rand(2, 1, 3, height, width, generator=torch.Generator().manual_seed(0))
    recipe = replace(RECIPES[name], size=max(width, height), levels=1, device=device, dtype=dtype)
    return prepare(recipe, Pictures(content, [style]), encoders)


def evaluation(run: Run) -> Callable[[], object]:
    """An evaluation of a run's objective at its full size, where the picture begins."""
    level = run.plan.levels[-1]
    objective, image = run.problem.objective(level), run.problem.initial(level)
    return lambda: objective.evaluate(image)


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


def convolution(device: torch.device, dtype: torch.dtype) -> Callable[[], object]:
    """A 3x3 convolution of 256 channels, channels_last, of `CONVOLUTION_FLOPS`."""
    x, w = (
        torch.rand(shape, device=device).to(dtype).contiguous(memory_format=torch.channels_last)
        for shape in ((1, 256, 96, 128), (256, 256, 3, 3))
    )
    return lambda: F.conv2d(x, w, padding=1)


def _seconds(work: Callable[[], object], device: torch.device) -> float:
    """The median of some turns, after one that does not count."""
    finish, times = getattr(torch, device.type).synchronize, []
    for _ in range(_TURNS + 1):
        began = time.perf_counter()
        work()
        finish()
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])


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
        tree_map_only(Tensor, self._count, made)
        return made

    def _count(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key not in self._sizes:
            self._sizes[key] = storage.nbytes()
            self.now += storage.nbytes()
            self.peak = max(self.peak, self.now)
            weakref.finalize(storage, self._forget, key)

    def _forget(self, key: int) -> None:
        self.now -= self._sizes.pop(key)
