"""Runs of impasto in ComfyUI: its progress bar, its previews, its button that cancels, its device."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

from comfy.model_management import get_torch_device, intermediate_device, throw_exception_if_processing_interrupted
from comfy_api.latest import ComfyAPISync
from torch import Tensor

from impasto import Painter, Run, Step
from impasto.choices import DEVICES

from .pictures import batch_of

OFTEN = 0.25  # seconds between two previews at least


@cache
def painter(device: str) -> Painter:
    """One for each device, as it keeps the networks that it has loaded."""
    return Painter(device)


def here() -> Painter:
    """The painter for ComfyUI's device; on the CPU if that is none that impasto knows."""
    device = get_torch_device()
    return painter(str(device) if device.type in DEVICES else "cpu")


def painted(count: int, prepare: Callable[[int], Run]) -> Tensor:
    """Make `count` pictures, one after the other, each of the run that `prepare` makes for its number.

    Shape: (count, H, W, 3).
    Raises: what ComfyUI raises where its user cancels, within an evaluation of that.
    """
    bar, made = _Bar(count), []
    for number in range(count):
        throw_exception_if_processing_interrupted()
        run = prepare(number)
        step = None
        for step in run:
            bar.show(number, run, step)
        assert step is not None, "a run has at least one step"
        made.append(run.full_size(step.image).detach().clamp(0, 1).to(intermediate_device()))
    return batch_of(made)


class _Bar:
    """The node's progress bar over all pictures, and the one that is being made, four times a second at most."""

    def __init__(self, pictures: int):
        self._api, self._pictures, self._due = ComfyAPISync(), pictures, 0.0

    def show(self, number: int, run: Run, step: Step) -> None:
        throw_exception_if_processing_interrupted()
        now = time.perf_counter()
        preview = run.look(step) if now >= self._due or step.last else None
        if preview is not None:
            self._due = now + OFTEN
        done, total = number * step.total + step.done, self._pictures * step.total
        self._api.execution.set_progress(done, total, preview_image=preview)
