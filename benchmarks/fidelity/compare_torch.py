"""impasto's `gatys2016-code` preset against a plain PyTorch program with the same settings, evaluation by evaluation.

python compare_torch.py [--evaluations 40] [--dtype float64]
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import torch

from impasto.encoders.chain import ChainEncoder
from impasto.engine import iterate
from impasto.fitting import Views
from impasto.given import Given
from impasto.images import resize
from impasto.presets import preset
from impasto.problem import PictureProblem
from impasto.schedule import Pyramid
from impasto.solvers import solver_of
from impasto.sources import Resampled

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
import material
import plain_torch


def as_tensor(pixels, dtype):
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].to(dtype) / 255


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evaluations", type=int, default=40)
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    arguments = parser.parse_args()
    dtype = getattr(torch, arguments.dtype)
    weights = {name: tuple(torch.from_numpy(a).to(dtype) for a in both) for name, *both in material.filters()}
    content, style = as_tensor(material.content(), dtype), as_tensor(material.style(56, 64), dtype)
    theirs = plain_torch.optimised(weights, content, style, arguments.evaluations)

    found = replace(preset("gatys2016-code"), schedule=Pyramid(most=1, evaluations=arguments.evaluations))
    tensors = {
        f"{name}.{part}": t for name, both in weights.items() for part, t in zip(("weight", "bias"), both, strict=True)
    }
    encoder = ChainEncoder("random", tensors, found.preprocessing, dtype=dtype)
    problem = PictureProblem(
        found, Given(Resampled(content, resize), (Resampled(style, resize),)), Views(found, lambda _: encoder)
    )
    levels = found.pyramid.levels(*content.shape[-2:], arguments.evaluations)
    objective, ours = problem.objective(levels[0]), iterate(problem, solver_of(found.solver), levels)
    print(f"{'':>4} {'plain':>14} | at the plain program's pictures | on its own")
    print(f"{'eval':>4} {'loss':>14} | {'loss, rel.':>14} {'gradient':>16} | {'loss, rel.':>10} {'max diff.':>10}")
    for number, (step, (picture, loss, grad)) in enumerate(zip(ours, theirs, strict=True), 1):
        there, expected = objective.evaluate(plain_torch.shown(picture)), grad.flip(1) * 255
        value = abs(float(there.loss) / loss - 1)
        slope = float((there.grad - expected).norm() / expected.norm())
        apart = float((step.image - plain_torch.shown(picture)).abs().max())
        print(
            f"{number:4} {loss:14.6g} | {value:14.1e} {slope:16.1e} | {abs(step.loss / loss - 1):10.1e} {apart:10.1e}"
        )


if __name__ == "__main__":
    main()
