"""How a picture was made, as JSON: what was asked for, with which files and programs, and what came out.

task, settings      the command and its configuration, field by field
inputs              role, name as it was given, and the sha256 of the file or, for what is no file, of its pixels
encoder             name and sha256 of its weights
start               the same of the run whose picture this one went on from, if there was one
plan                the levels, as width, height, evaluations and side of tiles, and the steps L-BFGS remembers
made                versions, device, number format and threads, on which the last bits depend
result              how far the run was, its loss and terms, and the sha256 of the picture's pixels
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import impasto
from impasto.devices import describe_device
from impasto.encoders.verification import digests
from impasto.encoders.weights import Weights
from impasto.footprint import history
from impasto.images import Picture, to_pil
from impasto.tasks.run import Run
from impasto.tasks.settings import MethodConfig
from impasto.tasks.sources import SWATCH, ImageSource

KEYWORD = "impasto"
FORMAT = 1
Role = tuple[str, ImageSource, Picture]


def request_record(task: str, config: MethodConfig, inputs: Iterable[Role], weights: Weights) -> dict[str, Any]:
    """What was asked for: `task`, its settings, its pictures by their roles, the network."""
    return {
        "format": FORMAT,
        "task": task,
        "settings": {each.name: _plain(getattr(config, each.name)) for each in fields(config)},
        "inputs": [_input(*each) for each in inputs],
        "encoder": {"name": weights.name, "sha256": weights.sha256},
    }


def result_record(run: Run, image: Tensor, step: Mapping[str, Any]) -> dict[str, Any]:
    """`run.record` with what was used and what came out: `image` at its full size, after `step` (see `Step.record`)."""
    return {**use_record(run), "result": {**progress(step), "pixels": pixels_hash(run, image)}}


def use_record(run: Run) -> dict[str, Any]:
    """`run.record` with what is used to carry it out."""
    levels = [[level.width, level.height, level.iterations, level.tile] for level in run.plan.levels]
    return {
        **run.record,
        "plan": {"levels": levels, "history": history(run.plan.solver)},
        "made": circumstances(run),
    }


def circumstances(run: Run) -> dict[str, Any]:
    """The versions, the device, the number format and the threads: the last bits depend on them."""
    return {
        "impasto": impasto.__version__,
        "torch": torch.__version__,
        "device": describe_device(run.plan.device),
        "dtype": str(run.plan.dtype).removeprefix("torch."),
        "threads": torch.get_num_threads(),
    }


def pixels_hash(run: Run, image: Tensor) -> str:
    """The sha256 of a picture's 8-bit pixels, with its transparency if it has any."""
    return hashlib.sha256(to_pil(image, run.alpha()).tobytes()).hexdigest()


def file_hash(path: str | os.PathLike[str]) -> str:
    """The sha256 of a file."""
    return digests(Path(path), ("sha256",))["sha256"]


def tensor_hash(image: Tensor) -> str:
    """The sha256 of an image's values."""
    return hashlib.sha256(image.detach().to("cpu", torch.float32).contiguous().numpy().tobytes()).hexdigest()


def progress(step: Mapping[str, Any]) -> dict[str, Any]:
    """How far a run was at a step (see `Step.record`), and how good."""
    return {"evaluations": step["done"], "of": step["total"], "loss": step["loss"], "terms": step["terms"]}


def _input(role: str, source: ImageSource, picture: Picture) -> dict[str, Any]:
    if isinstance(source, str | os.PathLike):
        name = os.fspath(source)
        if not name.startswith(SWATCH) and Path(name).is_file():
            return {"role": role, "name": name, "sha256": file_hash(name)}
        return {"role": role, "name": name, "pixels": tensor_hash(picture.pixels)}
    return {"role": role, "name": "", "pixels": tensor_hash(picture.pixels)}


def _plain(value: Any) -> Any:
    """A setting as JSON; a picture that a program held is among the inputs instead."""
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    if isinstance(value, Path):
        return str(value)
    return value if value is None or isinstance(value, bool | int | float | str) else None
