"""Alpha channels: taking them out of an image, and what is put behind transparent pixels."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

_PREMULTIPLIED = {"La": "LA", "RGBa": "RGBA"}
_WITH_ALPHA = {"LA": "L", "RGBA": "RGB", "PA": "RGB"}
_LOW_BIT_STEPS = {"L;2": 85, "L;4": 17}


def split_alpha(image: Image.Image, layout: str = "") -> tuple[Image.Image, np.ndarray | None]:
    """Take `image` apart into its colors, not premultiplied, and its alpha, if it has one.

    `layout` is that of the pixels in the file, where Pillow knows it; color keys of 2- and 4-bit grays need it.

    Shape: (H, W) -> an image without alpha; (H, W) in [0, 1]
    """
    if image.mode in _PREMULTIPLIED:
        image = image.convert(_PREMULTIPLIED[image.mode])
    if image.mode == "PA" or (image.mode == "P" and "transparency" in image.info):
        image = image.convert("RGBA")
    if image.mode in _WITH_ALPHA:
        return image.convert(_WITH_ALPHA[image.mode]), np.asarray(image.getchannel("A"), dtype=np.float32) / 255
    if "transparency" not in image.info:
        return image, None
    keyless = image.copy()
    key = np.asarray(keyless.info.pop("transparency")) * _LOW_BIT_STEPS.get(layout, 1)
    if image.mode == "RGB" and key.max() > 255:
        key = key >> 8  # of an image that a caller opened: Pillow keeps the high byte of 16-bit colors, the whole key
    return keyless, _key_alpha(np.asarray(image.convert("L") if image.mode == "1" else image), key)


def split_deep_alpha(samples: np.ndarray, key: object) -> tuple[np.ndarray, np.ndarray | None]:
    """Take 16-bit samples apart into colors and alpha; `key` is the color that means transparent, if there is one.

    Shape: (H, W, 2) -> (H, W), (H, W, 3 or 4) -> (H, W, 3); alpha (H, W) in [0, 1]
    """
    channels = samples.shape[2]
    if channels == 3:
        return samples, None if key is None else _key_alpha(samples, np.asarray(key))
    alpha = samples[:, :, -1].astype(np.float32) / np.float32(65535)
    return samples[:, :, 0] if channels == 2 else samples[:, :, :3], alpha


def _key_alpha(values: np.ndarray, key: np.ndarray) -> np.ndarray:
    """Compute the alpha that a color key means: 0 where the pixel is of exactly that color, else 1."""
    differs = values != key
    return np.asarray(differs.any(-1) if differs.ndim == 3 else differs, dtype=np.float32)


def fill_behind(pixels: Tensor, alpha: Tensor) -> Tensor:
    """Compute `pixels` composited over their own mean color, weighted by `alpha`.

    The mean is the color that differs least from the visible ones, so no edge appears where the picture ends.  A
    picture that is transparent everywhere becomes mid-gray.

    Shape: pixels (1, 3, H, W), alpha (1, 1, H, W) -> (1, 3, H, W)
    """
    weight = alpha.sum(dtype=torch.float64)
    if weight == 0:
        return torch.full_like(pixels, 0.5)
    mean = (pixels * alpha).sum((2, 3), keepdim=True, dtype=torch.float64) / weight  # (1, 3, 1, 1)
    return torch.lerp(mean.to(pixels.dtype).clamp(0, 1), pixels, alpha)
