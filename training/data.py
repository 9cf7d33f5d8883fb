"""Crops of photographs, paintings and textures, and the inputs an optimiser would feed an encoder, as training batches.

The images are decoded once and kept in memory as uint8. Every batch is drawn from one `torch.Generator`, so a seed and
a step number determine it, if no other processes draw them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

T = TypeVar("T")

# Share of each kind of picture in a batch; folders of these names are expected under the image folder.
SHARES = {"paintings": 0.45, "photos": 0.4, "textures": 0.15}
HELD_OUT = 40  # every HELD_OUT-th image of a folder is kept for evaluation


@dataclass(frozen=True)
class Pictures:
    """Decoded images by kind: `train` and `held_out` map a folder's name to a list of uint8 tensors (3, H, W)."""

    train: dict[str, list[Tensor]]
    held_out: dict[str, list[Tensor]]


def load_pictures(folder: Path) -> Pictures:
    """Decode every image under `folder/<kind>` for the kinds in `SHARES`."""
    train: dict[str, list[Tensor]] = {}
    held_out: dict[str, list[Tensor]] = {}
    for kind in SHARES:
        train[kind], held_out[kind] = [], []
        for i, path in enumerate(sorted((folder / kind).iterdir())):
            if path.suffix.lower() not in {".jpg", ".jpeg", ".png", ".webp"}:
                continue
            (held_out if i % HELD_OUT == 0 else train)[kind].append(picture_of(path))
    return Pictures(train, held_out)


def picture_of(path: Path) -> Tensor:
    """A decoded image.  Shape: uint8 (3, H, W)."""
    with Image.open(path) as image:
        rgb = image.convert("RGB")
        pixels = torch.frombuffer(bytearray(rgb.tobytes()), dtype=torch.uint8)
        return pixels.view(rgb.height, rgb.width, 3).permute(2, 0, 1).contiguous()


def _uniform(low: float, high: float, generator: torch.Generator) -> float:
    return low + (high - low) * torch.rand((), generator=generator).item()


def _integer(high: int, generator: torch.Generator) -> int:
    return int(torch.randint(high, (), generator=generator).item())


def crop(picture: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """A random square of `picture`, of 0.75 to 2.5 times `size` (as far as it fits), resized to `size`, perhaps flipped.

    Shape: (3, H, W) uint8 -> (3, size, size) float in [0, 1].
    """
    height, width = picture.shape[-2:]
    side = min(height, width, round(size * _uniform(0.75, 2.5, generator)))
    top, left = _integer(height - side + 1, generator), _integer(width - side + 1, generator)
    patch = picture[None, :, top : top + side, left : left + side].float().div_(255)
    if side != size:
        patch = F.interpolate(patch, size=(size, size), mode="bilinear", antialias=True, align_corners=False)
    if _integer(2, generator):
        patch = patch.flip(-1)
    if _integer(8, generator) == 0:
        patch = patch.flip(-2)
    return patch[0]


def cut(picture: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """A random square of `picture` as it is.  Shape: (3, H, W) uint8 -> (3, size, size) float in [0, 1]."""
    top, left = (_integer(side - size + 1, generator) for side in picture.shape[-2:])
    return picture[:, top : top + size, left : left + size].float() / 255


def batch(pictures: dict[str, list[Tensor]], count: int, size: int, generator: torch.Generator) -> Tensor:
    """`count` crops, their kinds drawn with the probabilities of `SHARES`.  Shape: (count, 3, size, size)."""
    kinds = list(SHARES)
    chosen = torch.multinomial(torch.tensor([SHARES[k] for k in kinds]), count, replacement=True, generator=generator)
    crops = []
    for index in chosen.tolist():
        folder = pictures[kinds[index]]
        crops.append(crop(folder[_integer(len(folder), generator)], size, generator))
    return torch.stack(crops)


def disturb(images: Tensor, generator: torch.Generator) -> Tensor:
    """Push about half of the images off the manifold of photographs, as an optimiser does.

    Each image meets one of: nothing, a blend with its neighbour, a change of contrast and color, additive noise (white
    or smooth), blur, or being replaced by noise alone.
    """
    out = images.clone()
    count, _, height, width = images.shape
    for i in range(count):
        choice = _integer(12, generator)
        if choice == 0:
            out[i] = torch.lerp(images[i], images[(i + 1) % count], _uniform(0.2, 0.8, generator))
        elif choice == 1:
            gain = 1 + 0.8 * (torch.rand(3, 1, 1, generator=generator) - 0.5)
            shift = 0.4 * (torch.rand(3, 1, 1, generator=generator) - 0.5)
            out[i] = (images[i] - 0.5) * gain * _uniform(0.5, 1.5, generator) + 0.5 + shift
        elif choice == 2:
            noise = torch.randn(3, height, width, generator=generator)
            out[i] = images[i] + noise * _uniform(0.01, 0.25, generator)
        elif choice == 3:
            out[i] = images[i] + _smooth_noise(height, width, generator) * _uniform(0.05, 0.4, generator)
        elif choice == 4:
            factor = _uniform(2, 6, generator)
            small = F.interpolate(images[i : i + 1], scale_factor=1 / factor, mode="bilinear", antialias=True)
            out[i] = F.interpolate(small, size=(height, width), mode="bilinear", align_corners=False)[0]
        elif choice == 5 and i % 2 == 0:
            mean = torch.rand(3, 1, 1, generator=generator)
            white = torch.randn(3, height, width, generator=generator) * _uniform(0.004, 0.3, generator)
            out[i] = mean + white + _smooth_noise(height, width, generator) * _uniform(0, 0.3, generator)
    return out.clamp_(0, 1)


def _smooth_noise(height: int, width: int, generator: torch.Generator) -> Tensor:
    """Noise of unit variance with a random cell size.  Shape: (3, height, width)."""
    cells = 3 + _integer(height // 2, generator)
    noise = torch.randn(1, 3, cells, cells, generator=generator)
    noise = F.interpolate(noise, size=(height, width), mode="bicubic", align_corners=False)[0]
    return noise / noise.std()


class _Drawn(IterableDataset[T], Generic[T]):
    """What `draw` gives, without end; other numbers in every process."""

    def __init__(self, draw: Callable[[torch.Generator], T], seed: int):
        self.draw, self.seed = draw, seed

    def __iter__(self) -> Iterator[T]:
        worker = get_worker_info()
        generator = torch.Generator().manual_seed(1000 * self.seed + (worker.id if worker else 0))
        while True:
            yield self.draw(generator)


def stream(draw: Callable[[torch.Generator], T], seed: int, workers: int = 0) -> Iterator[T]:
    """What `draw` gives, without end, drawn ahead by `workers` other processes, or by this one when it is asked for."""
    ahead = {"prefetch_factor": 16} if workers else {}
    return iter(DataLoader(_Drawn(draw, seed), batch_size=None, num_workers=workers, **ahead))
