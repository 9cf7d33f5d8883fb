"""The network of instant mode as five ONNX graphs, for programs without PyTorch.

    grain.onnx      the photograph -> the photograph with a grain, to make strokes of; what the others get of it
    see.onnx        a picture -> what is known of it: means and Gram matrices per position, layer by layer
    transport.onnx  what is known of photograph and style -> the maps, and what leads the decoder
    paint.onnx      the photograph with its grain, maps and lead -> the picture
    color.onnx      the picture, and what is known of the style's pixels -> the picture, nearer to the style's colors

What lies between is arithmetic of whoever uses them: a blend of styles is the weighted mean of what `see` tells, and
where `amount` is below 1, picture + (1 - amount) (photograph - picture with `amount` and `freedom` 0) is what
`Instant.paint` gives but for its colors, which come last. Sides of what is painted are multiples of 8
(`network.STRIDE`), those of styles any from 16 on. Roots of matrices are found by products alone.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.export import Dim

from impasto.errors import UsageError
from impasto.files import output_errors
from impasto.instant.decoder import CODED, SKIPS, Lead, code
from impasto.instant.network import SMALLEST, STRIDE, Instant, Map, maps, recolored, with_grain
from impasto.instant.transport import Affine, Held
from impasto.statistics import Moments, position_rows

GRAPHS = ("grain", "see", "transport", "paint", "color")
OPSET = 18
ITERATIONS = 20  # of Newton and Schulz
SAMPLE = 96, 128  # pixels of the picture that the graphs are traced with


class Grain(nn.Module):
    """A photograph, and the `amount` of `Instant.paint`, -> the photograph with as much grain.  Shape: (1, 3, H, W)."""

    def __init__(self, network: Instant):
        super().__init__()
        self.decoder = network.decoder

    def forward(self, image: Tensor, amount: Tensor) -> Tensor:
        """The photograph, not clamped."""
        return with_grain(image, self.decoder, amount)


class See(nn.Module):
    """A picture -> mean and Gram matrix of each of `CODED`, then of its pixels.

    Shape: (1, 3, H, W) -> (1, C), (1, C, C), ...
    """

    def __init__(self, network: Instant):
        super().__init__()
        self._network = network

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Means and Gram matrices by turns."""
        features = self._network.encoder(image, list(CODED))
        return tuple(part for each in (*(features[layer] for layer in CODED), image) for part in _known(each))


class Transport(nn.Module):
    """What `See` tells of a photograph, then of a style, and two shares -> maps and leads.

    `amount` and `freedom`, (1,), are those of `Instant.paint`.
    """

    def __init__(self, network: Instant):
        super().__init__()
        self.decoder = network.decoder

    def forward(self, known: list[Tensor], amount: Tensor, freedom: Tensor) -> tuple[Tensor, ...]:
        """Means, whitenings, matrices, offsets of `SKIPS` by turns, then scales and shifts of all layers by turns."""
        half = len(known) // 2
        own, target = _moments(known[:half]), _moments(known[half:])
        moved = maps(self.decoder, own, target, amount, roots_by_products)
        mixed = code(own) + amount[:, None] * (code(target) - code(own))
        leads = [lead for block in self.decoder.leads(mixed, freedom) for lead in block]
        moves = (part for each in moved.values() for part in _parts(each))
        return (*moves, *(part for lead in leads for part in lead))


class Paint(nn.Module):
    """Photograph, what `Transport` tells, and its `amount` -> picture.

    Shape: (1, 3, H, W), ..., (1,) -> (1, 3, H, W), not clamped.
    """

    def __init__(self, network: Instant):
        super().__init__()
        self._network, self.decoder = network, network.decoder

    def forward(self, image: Tensor, told: list[Tensor], amount: Tensor) -> Tensor:
        """The picture."""
        features = self._network.encoder(image, list(SKIPS))
        moves, led = told[: 4 * len(SKIPS)], told[4 * len(SKIPS) :]
        moved = {layer: _map(moves[4 * i : 4 * i + 4], amount)(features[layer]) for i, layer in enumerate(SKIPS)}
        leads = iter(map(Lead, led[::2], led[1::2]))
        picture: Tensor = self.decoder(moved, [[next(leads) for _ in block] for block in self.decoder.layers])
        return picture


class Color(nn.Module):
    """A picture, mean and Gram matrix of the style's pixels, and the `amount` of `Instant.paint` -> the picture.

    Shape: (1, 3, H, W), (1, 3), (1, 3, 3), (1,) -> (1, 3, H, W), not clamped.
    """

    def forward(self, picture: Tensor, mean: Tensor, gram: Tensor, amount: Tensor) -> Tensor:
        """The picture, nearer to the style's colors."""
        return recolored(picture, _of_one(*_known(picture)), _of_one(mean, gram), amount, roots_by_products)


def _parts(found: Map) -> tuple[Tensor, ...]:
    return found.held.mean, found.held.whitening, found.affine.matrix, found.affine.offset


def _map(parts: Sequence[Tensor], amount: Tensor) -> Map:
    mean, whitening, matrix, offset = parts
    return Map(Held(mean, whitening, amount), Affine(matrix, offset))


def _known(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and Gram matrix per position.  Shape: (1, C, H, W) -> (1, C), (1, C, C)."""
    rows = position_rows(features)
    return rows.mean(1), rows.mT @ rows / rows.shape[1]


def _moments(known: Sequence[Tensor]) -> Mapping[str, Moments]:
    pairs = zip(CODED, known[::2], known[1::2], strict=True)
    return {layer: _of_one(mean, gram) for layer, mean, gram in pairs}


def _of_one(mean: Tensor, gram: Tensor) -> Moments:
    """The moments of one position."""
    return Moments(torch.ones_like(mean[:, 0]), mean, gram)


def roots_by_products(matrix: Tensor, least: Tensor) -> tuple[Tensor, Tensor]:
    """The symmetric root and its inverse, by the iteration of Newton and Schulz.

    Reference: Higham 2008, "Functions of Matrices", (6.35).
    """
    size = matrix.square().sum((1, 2), keepdim=True).sqrt()
    root, inverse = (
        matrix / size,
        torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device).expand_as(matrix),
    )
    for _ in range(ITERATIONS):
        product = inverse @ root
        root, inverse = 1.5 * root - 0.5 * root @ product, 1.5 * inverse - 0.5 * product @ inverse
    return root * size.sqrt(), inverse / size.sqrt()


@torch.no_grad()
def written(network: Instant, folder: Path, graphs: Collection[str] = GRAPHS) -> Iterator[Path]:
    """Write the graphs into a folder, which is made if need be; each file once it is there.

    Raises:
        UsageError: the extra `onnx` is not installed.
        OutputError: the folder cannot be made.
    """
    if not (find_spec("onnx") and find_spec("onnxscript")):
        raise UsageError("ONNX graphs need the extra onnx: python3 -m pip install 'impasto[onnx]'.")
    with output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for name, graph in _graphs(network).items():
        if name in graphs:
            file = folder / f"{name}.onnx"
            _write(graph, file)
            yield file


class _Graph(NamedTuple):
    """A graph to be: what computes it, on which example, the names of what goes in and out, and which sides vary."""

    module: nn.Module
    example: tuple[Any, ...]
    inputs: list[str]
    outputs: list[str]
    varies: Any = None


def _graphs(network: Instant) -> dict[str, _Graph]:
    image, share = torch.rand(1, 3, *SAMPLE), torch.full((1,), 0.4)
    add, see, move, paint = Grain(network), See(network), Transport(network), Paint(network)
    # Of two pictures: an input that is there twice would be exported as one.
    own, style = see(image), see(1 - image)
    known = [*own[:-2], *style[:-2]]
    told = list(move(known, share, 1 - share))
    any_sides = {2: Dim("height", min=SMALLEST), 3: Dim("width", min=SMALLEST)}
    sides = {2: Dim("height_in_eights", min=2) * STRIDE, 3: Dim("width_in_eights", min=2) * STRIDE}
    names = [f"{kind}_{layer}" for layer in CODED for kind in ("mean", "gram")]
    palette = ["mean_pixels", "gram_pixels"]
    both = [f"{role}_{name}" for role in ("content", "style") for name in names]
    moves = [f"{kind}_{layer}" for layer in SKIPS for kind in ("held_mean", "whitening", "matrix", "offset")]
    leads = [f"{kind}_{i}" for i in range((len(told) - len(moves)) // 2) for kind in ("scale", "shift")]
    return {
        "grain": _Graph(add, (image, share), ["image", "amount"], ["grained"], (any_sides, None)),
        "see": _Graph(see, (image,), ["image"], [*names, *palette], (any_sides,)),
        "transport": _Graph(move, (known, share, 1 - share), [*both, "amount", "freedom"], [*moves, *leads]),
        "paint": _Graph(
            paint,
            (image, told, share),
            ["image", *moves, *leads, "amount"],
            ["picture"],
            (sides, [None] * len(told), None),
        ),
        "color": _Graph(
            Color(),
            (image, *style[-2:], share),
            ["picture", *palette, "amount"],
            ["colored"],
            (any_sides, None, None, None),
        ),
    }


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what PyTorch's exporter has to say of its own parts."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _write(graph: _Graph, file: Path) -> None:
    with _quiet():
        torch.onnx.export(
            graph.module.eval(),
            graph.example,
            file,
            input_names=graph.inputs,
            output_names=graph.outputs,
            dynamic_shapes=graph.varies,
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
