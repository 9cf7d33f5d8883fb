"""Whole runs against other programs: Keras's recorded numbers, plain PyTorch run beside; see benchmarks/fidelity."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

import material
import plain_torch
from impasto.encoders.chain import ChainEncoder
from impasto.engine import iterate
from impasto.fitting import Views
from impasto.given import Given
from impasto.images import resize
from impasto.painter import prepare
from impasto.presets import preset
from impasto.problem import PictureProblem
from impasto.schedule import Pyramid
from impasto.solvers import solver_of
from impasto.sources import Resampled

DATA = Path(__file__).parent / "data"


def tutorial_beside_keras(gain, folder):
    """What Keras recorded; our losses, relative to it; our pictures at its pixels less its own, in [-1, 1], by step."""
    keras = json.loads((DATA / f"keras-gain-{gain}.json").read_text())
    weights = folder / "vgg19.safetensors"
    tensors = {}
    for name, kernel, bias in material.filters(gain=gain):
        tensors |= {f"{name}.weight": kernel, f"{name}.bias": bias}
    save_file(tensors, weights)
    settings = {"preset": "tutorial", "weights": weights, "iterations": len(keras["losses"]), "device": "cpu"}
    losses, differences = [], {}
    for step in prepare(material.content(), [material.style()], **settings):
        losses.append(step.loss)
        if kept := keras["pictures"].get(str(step.done)):
            picture = 2 * step.image[0].flip(0).permute(1, 2, 0).numpy() - 1
            differences[step.done] = picture[4::8, 4::8] - np.array(kept)
    return keras, np.array(losses) / keras["losses"] - 1, differences


def farthest(keras):
    """How far the recorded picture has come from the photograph at the end."""
    start = material.content()[4::8, 4::8, ::-1] / 127.5 - 1
    return np.abs(np.array(list(keras["pictures"].values())[-1]) - start)


def test_the_tutorial_is_the_keras_program_for_20_steps(tmp_path):
    keras, losses, differences = tutorial_beside_keras(1, tmp_path)
    assert len(losses) == 20
    assert farthest(keras).max() > 4e-3
    assert np.abs(losses).max() < 1e-4
    assert max(np.abs(d).max() for d in differences.values()) < 1e-3


def test_the_tutorial_follows_the_keras_program_while_every_pixel_moves_at_full_speed(tmp_path):
    """There RMSprop makes steps of the size of its rate of whatever sign, and one unit that flips turns some round.

    Keras itself, with other kernels for its convolutions, ends further from these numbers than this does.
    """
    keras, losses, differences = tutorial_beside_keras(32, tmp_path)
    assert np.median(farthest(keras)) > 1e-2
    assert np.abs(losses).max() < 1e-3
    assert np.abs(differences[1]).mean() < 1e-4
    assert np.abs(differences[20]).mean() < 0.1 * farthest(keras).mean()


def as_tensor(pixels):
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].double() / 255


@pytest.fixture(scope="module")
def narrow():
    """Convolutions of a narrow VGG-19 in float64."""
    found = material.filters(widths=(8, 12, 16, 24, 24))
    return {name: (torch.from_numpy(kernel).double(), torch.from_numpy(bias).double()) for name, kernel, bias in found}


@pytest.fixture(scope="module")
def beside_plain_torch(narrow):
    """The preset's problem and steps, and the plain program's (picture, loss, gradient), 20 evaluations each."""
    content, style = as_tensor(material.content()), as_tensor(material.style(56, 64))
    found = replace(preset("gatys2016-code"), schedule=Pyramid(most=1, evaluations=20))
    tensors = {f"{name}.weight": kernel for name, (kernel, _) in narrow.items()}
    tensors |= {f"{name}.bias": bias for name, (_, bias) in narrow.items()}
    encoder = ChainEncoder("narrow", tensors, found.preprocessing, dtype=torch.float64)
    problem = PictureProblem(
        found, Given(Resampled(content, resize), (Resampled(style, resize),)), Views(found, lambda _: encoder)
    )
    levels = found.pyramid.levels(48, 64, 20)
    steps = list(iterate(problem, solver_of(found.solver), levels))
    return problem.objective(levels[0]), steps, plain_torch.optimised(narrow, content, style, 20)


def test_the_authors_code_has_the_value_and_gradient_of_plain_pytorch_wherever_that_goes(beside_plain_torch):
    objective, _, theirs = beside_plain_torch
    for picture, loss, grad in theirs:
        evaluation = objective.evaluate(plain_torch.shown(picture))
        assert float(evaluation.loss) == pytest.approx(loss, rel=1e-10)
        expected = 255 * grad.flip(1)
        assert float((evaluation.grad - expected).norm()) < 1e-9 * float(expected.norm())


def test_the_authors_code_goes_where_plain_pytorch_goes(beside_plain_torch):
    """PyTorch's LBFGS and ours are one algorithm while the numbers are exact enough to tell; losses rise in between."""
    _, steps, theirs = beside_plain_torch
    losses = [loss for _, loss, _ in theirs]
    assert max(later / earlier for earlier, later in pairwise(losses)) > 1.01
    assert losses[-1] < 0.2 * losses[0]
    for step, (picture, loss, _) in zip(steps, theirs, strict=True):
        assert step.loss == pytest.approx(loss, rel=1e-6)
        assert float((step.image - plain_torch.shown(picture)).abs().max()) < 1e-6
