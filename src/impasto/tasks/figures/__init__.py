"""The papers' figures, each computed first and drawn second.

materials.py        Materials: the pictures of a figure at their size, and the network that looks at them
measures.py         numbers that belong to a finished picture
figure.py           Figure, Experiment, Event: runs, the panels that come of them, how the panels lie on the page
comparisons.py      content and style, layer by layer (2015, figure 1), content in a low layer or a high one (2016,
                    figure 5), style layers and weights (2015, figure 3)
progress.py         the picture as it grows, with its loss
features.py         feature maps and Gram matrices
plate.py            Plate: bands from top to bottom -> a PNG, PDF or SVG file
sheet.py            Sheet: the page; Panel: one picture with its words; Band: what reaches over the page, such as
row.py              Row, Heads: panels side by side, with headings and captions
network.py          Network: the layers, drawn as stacks of planes
curve.py            Curve: losses over evaluations
"""

from impasto.tasks.figures.comparisons import prepare_layers, prepare_representations, prepare_tradeoff
from impasto.tasks.figures.curve import Curve
from impasto.tasks.figures.features import prepare_features
from impasto.tasks.figures.figure import Event, Figure
from impasto.tasks.figures.plate import ENDINGS, check_drawing, save_plate
from impasto.tasks.figures.progress import prepare_progress
from impasto.tasks.figures.sheet import Panel

__all__ = [
    "ENDINGS",
    "Curve",
    "Event",
    "Figure",
    "Panel",
    "check_drawing",
    "prepare_features",
    "prepare_layers",
    "prepare_progress",
    "prepare_representations",
    "prepare_tradeoff",
    "save_plate",
]
