"""Optical flow between two frames of a clip: where every pixel was, and how far that is to be relied on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.errors import UsageError
from impasto.losses import blurred
from impasto.temporal import Past
from impasto.video.reading import MISSING

UNMOVED = 0.1  # pixels, below which nothing has moved
NEAR = 12.0  # pixels around a place whose motion is the best guess
ALIKE = 1.5  # of 255, and pixels around: by so little, in the mean, what is the same differs
NOISE, COARSEST = 2.0, 6.0  # times what is usual in a frame, but of 255 at most, if that is more: films have grain
FINE, SHARP = 2.0, 0.3  # pixels; of what a blur by so many takes away: by so much what is the same differs
AROUND = 4  # pixels around a place that must not have changed either, for it to be still
AGREED = 1.0  # pixels, by which two motions of a place differ at most
EDGE = 0.8  # pixels beyond a border that are still of it; the standard deviation of the soft border of what is hidden


@dataclass(frozen=True)
class Motion:
    """What has become of the frame before.

    `back` tells, for every pixel of a frame, how far away it was in the one before, (x, y) in pixels; `reliable` is 0
    where it was hidden there, or where motions meet; `still` is 1 where nothing has changed.

    Shape: back (1, 2, H, W), reliable and still (1, 1, H, W) in [0, 1].
    """

    back: Tensor
    reliable: Tensor
    still: Tensor

    def carried(self, picture: Tensor) -> Tensor:
        """A picture of the frame before, moved to where its parts are now.  Shape: (1, C, H, W)."""
        return torch.where(self.still > 0, picture, resampled(picture, self.back))

    def past(self, image: Tensor, settled: Tensor) -> Past:
        """What a frame has from the one before, painted as `image`, of which each place was so much `settled`.

        Shape: image (1, 3, H, W), settled (1, 1, H, W).
        """
        return Past(self.carried(image), self.reliable, self.reliable * self.carried(settled), self.still)

    def after(self, earlier: Motion) -> Motion:
        """Both, one after the other: what has become of the frame that `earlier` began with."""
        return Motion(
            self.back + warped(earlier.back, self.back),
            self.reliable * warped(earlier.reliable, self.back),
            self.still * earlier.still,
        )

    def refined(self, direct: Motion) -> Motion:
        """The same, as the flow between the two frames has it where that agrees: many small errors make a large one."""
        apart = (self.back - direct.back).norm(dim=1, keepdim=True)
        return Motion(
            torch.lerp(self.back, direct.back, (2 * AGREED - apart).clamp(0, 1) * direct.reliable),
            torch.maximum(self.reliable, direct.reliable * (apart < AGREED).float()),
            self.still,
        )

    @property
    def hidden(self) -> float:
        """The share of the frame that was not to be seen before."""
        return 1 - float(self.reliable.mean())


def motion(before: np.ndarray, now: np.ndarray) -> Motion:
    """The motion between two frames.  Shape: (H, W, 3) uint8 each."""
    return motions(before, now)[0]


def motions(before: np.ndarray, now: np.ndarray) -> tuple[Motion, Motion]:
    """The motion from the first of two frames to the second, and that from the second to the first.

    Shape: (H, W, 3) uint8 each.
    Differs from Ruder et al. 2016: where the flow is not sure of itself, as in all that is plain or where motions meet,
    things move as what is sure around them if it looks the same there, or else as the flow has it if it does so by
    that, and both are relied on; but for the grain that all of the frame has, and a fraction of a pixel of fine detail.
    """
    forth, back = flow(before, now), flow(now, before)
    return _motion(before, now, forth, back), _motion(now, before, back, forth)


def _motion(before: np.ndarray, now: np.ndarray, forth: Tensor, back: Tensor) -> Motion:
    sure = reliability(back, forth)
    first, second = (torch.from_numpy(each.transpose(2, 0, 1).copy())[None].float() for each in (before, now))
    around = _as_around(back, sure)
    by_own, by_around = (_mean_around(warped(first, each) - second) for each in (back, around))
    grain = min(COARSEST, NOISE * float(torch.where(sure > 0, by_own, by_around).median()))
    most = (SHARP * _mean_around(second - blurred(second, FINE))).clamp_min(max(ALIKE, grain))
    own = (sure > 0) | ((by_own < most) & (by_around >= most))
    back = torch.where(own, back, around)
    alike = (torch.where(own, by_own, by_around) < most).float() * _inside(back)
    moved = back.norm(dim=1, keepdim=True) >= UNMOVED
    other = torch.from_numpy((before != now).any(2))[None, None]
    still = 1 - F.max_pool2d((moved | other).float(), 2 * AROUND + 1, stride=1, padding=AROUND)
    return Motion(back, torch.maximum(torch.maximum(sure, alike), still), still)


def _mean_around(difference: Tensor) -> Tensor:
    """The mean size of a difference around each place.  Shape: (1, 3, H, W) -> (1, 1, H, W)."""
    return blurred(difference.abs().mean(1, keepdim=True), ALIKE)


def _as_around(back: Tensor, sure: Tensor) -> Tensor:
    """The mean motion of what is sure around each place.  Shape: (1, 2, H, W), (1, 1, H, W) -> (1, 2, H, W)."""
    weight, least = blurred(sure, NEAR), 1e-3
    sums = torch.cat([blurred(back[:, i : i + 1] * sure, NEAR) for i in range(2)], dim=1)
    return (sums + least * back) / (weight + least)


def flow(source: np.ndarray, target: np.ndarray) -> Tensor:
    """Where each pixel of `source` is in `target`: its offset (x, y).  Shape: (H, W, 3) uint8 -> (1, 2, H, W).

    Reference: Kroeger et al. 2016, "Fast Optical Flow using Dense Inverse Search"; OpenCV's, to the finest scale.

    Raises:
        UsageError: OpenCV is not there.
    """
    cv2 = opencv()
    grays = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (source, target))
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)  # a new one: it keeps scales of another size
    dis.setFinestScale(0)
    found = dis.calc(*grays, None)
    return torch.from_numpy(np.ascontiguousarray(found.transpose(2, 0, 1)))[None]


def opencv() -> Any:
    """OpenCV, which finds the flow."""
    try:
        import cv2  # noqa: PLC0415
    except ImportError:
        raise UsageError(MISSING) from None
    return cv2


def reliability(back: Tensor, forth: Tensor) -> Tensor:
    """How far `back` is to be relied on: 0 where it leaves the picture, where `forth` does not return, where motions
    meet; with a soft border outside of these.

    Shape: (1, 2, H, W) both -> (1, 1, H, W).
    Reference: Ruder, Dosovitskiy & Brox 2016, equations (5) and (6), and the smoothing of their program.
    """
    returned = warped(forth, back)
    squares = (returned.square() + back.square()).sum(1, keepdim=True)
    hidden = (returned + back).square().sum(1, keepdim=True) > 0.01 * squares + 0.5
    down, across = (torch.gradient(back, dim=side)[0] for side in (2, 3))
    steep = (down.square() + across.square()).sum(1, keepdim=True)
    border = steep > 0.01 * back.square().sum(1, keepdim=True) + 0.002
    inside = _inside(back)
    return _outside(hidden | (inside == 0)) * (~border).float() * inside


def _outside(hidden: Tensor) -> Tensor:
    """1 away from what is hidden, 0 in it, and soft between.  Shape: (1, 1, H, W), truth -> numbers."""
    return blurred(torch.where(hidden, -1.0, 1.0), EDGE).clamp(0, 1) * (~hidden).float()


def _inside(back: Tensor) -> Tensor:
    """How far each pixel was inside of the picture: 1 there, less beyond its border, 0 from `EDGE` pixels on.

    By a slow camera borders come into sight by a part of a pixel a frame; what was there is not to be drawn out.

    Shape: (1, 2, H, W) -> (1, 1, H, W).
    """
    height, width = back.shape[-2:]
    x, y = _places(back)
    beyond = torch.stack([-x, x - (width - 1), -y, y - (height - 1)]).amax(0).clamp_min(0)
    return (1 - beyond / EDGE).clamp_min(0)[None, None]


def resampled(picture: Tensor, back: Tensor) -> Tensor:
    """What was at each pixel's place in the `picture` before, by Lanczos' filter of 8x8 pixels.

    Bicubic interpolation loses in ten frames twice as much of fine strokes.

    Shape: picture (1, C, H, W) in [0, 1], back (1, 2, H, W) -> (1, C, H, W) in [0, 1].
    """
    cv2 = opencv()
    pixels = np.ascontiguousarray(picture[0].permute(1, 2, 0).numpy())
    columns, rows = (each.numpy() for each in _places(back))
    found = [
        cv2.remap(pixels[..., i : i + 4], columns, rows, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE)
        for i in range(0, pixels.shape[-1], 4)  # it takes no more channels
    ]
    planes = np.concatenate([each.reshape(*back.shape[-2:], -1) for each in found], axis=-1).transpose(2, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(planes))[None].clamp(0, 1)


def warped(picture: Tensor, back: Tensor) -> Tensor:
    """The same of anything that is smooth, by bilinear interpolation.  Shape: (1, C, H, W)."""
    height, width = back.shape[-2:]
    x, y = _places(back)
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=-1)[None]
    return F.grid_sample(picture, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _places(back: Tensor) -> tuple[Tensor, Tensor]:
    """Columns and rows of each pixel's place before.  Shape: (1, 2, H, W) -> (H, W) both."""
    height, width = back.shape[-2:]
    rows, columns = torch.arange(height, dtype=back.dtype), torch.arange(width, dtype=back.dtype)
    return columns[None, :] + back[0, 0], rows[:, None] + back[0, 1]
