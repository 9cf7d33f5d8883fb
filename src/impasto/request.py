"""What a caller asks of a recipe: settings by name, and a picture to begin with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

from impasto.choices import IMAGE, INITS, SWATCH, TRANSFER, WITHOUT_CONTENT, Above, Milestones, SolverSpec
from impasto.encoders.preprocessing import Preprocessing
from impasto.errors import UnknownNameError
from impasto.recipe import Recipe
from impasto.schedule import Pyramid


def asked(base: Recipe, changes: Mapping[str, Any]) -> tuple[Recipe, Any]:
    """`base` with the `changes` of a request, and the picture to begin with if its `init` is one.

    Raises:
        UsageError: a setting that the task does not have, a value out of range, or a word that is no way to begin.
    """
    init = changes.get("init")
    if init is None or (isinstance(init, str) and init in INITS):
        return base.override(**changes), None
    if base.task != TRANSFER:
        raise UnknownNameError("init", str(init), WITHOUT_CONTENT, of=f"a {base.task}")
    if isinstance(init, str) and not (init.startswith(SWATCH) or Path(init).suffix or Path(init).exists()):
        raise UnknownNameError("init", init, (*INITS, "or an image file"))
    return base.override(**{**changes, "init": IMAGE}), init


class Settings(TypedDict, total=False):
    """What a caller may say of a recipe, by name; None is as if it were not said."""

    size: int | tuple[int, int] | str | None
    strength: float | None
    style_weights: Sequence[float] | None
    style_scale: float | Sequence[float] | None
    texture_up_to: str | None
    init: Any
    colors: str | None
    tileable: bool | None
    wrap: str | None
    noise: float | None
    content_layers: Sequence[str] | Mapping[str, float] | None
    content_loss: str | None
    content_weight: float | None
    style_layers: Sequence[str] | Mapping[str, float] | None
    style_loss: str | None
    style_weight: float | None
    relative: bool | None
    neighbor_layers: Sequence[str] | Mapping[str, float] | None
    neighbor_weight: float | None
    tv_weight: float | None
    tv_loss: str | None
    calm: float | None
    palette_weight: float | None
    range_weight: float | None
    extra_terms: Sequence[Any] | None
    encoder: str | None
    weights: str | Path | None
    preprocessing: Preprocessing | None
    pooling: str | None
    padding: str | None
    normalize: bool | None
    by_size: Sequence[Above] | None
    temporal_weight: float | None
    frame_iterations: int | None
    keyframe_interval: int | None
    following: Mapping[str, Any] | None
    solver: str | SolverSpec | None
    schedule: Pyramid | None
    blank_schedule: Pyramid | None
    iterations: int | None
    until: str | None
    levels: int | None
    usual_size: int | None
    detail: float | None
    resample: str | None
    stretch_style: bool | None
    style_enlarged_up_to: int | None
    style_smoothing: float | None
    seed: int | None
    milestones: Milestones | None
    device: Any  # a text, or PyTorch's own
    dtype: Any
    memory: str | int | None
    max_pixels: int | None
