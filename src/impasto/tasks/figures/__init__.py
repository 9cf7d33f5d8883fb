"""The papers' figures, each computed first and drawn second.

panel.py            Panel, Curve: what a figure shows, with the numbers that belong to it
bench.py            Bench: the pictures of a figure at their size, and the network that looks at them
figure.py           Figure, Experiment: runs, the panels that come of them, how the panels lie on the page
representations.py  content and style, layer by layer (2015, figure 1)
tradeoff.py         style layers against the weight of content (2015, figure 3)
layers.py           content in a low layer against content in a high one (2016, figure 5)
progress.py         the picture as it grows, with its loss
features.py         feature maps and Gram matrices
plate.py            Plate: bands of panels, a network, a curve, from top to bottom
geometry.py         where on the page everything lies, in whole pixels
drawing.py          a plate -> PNG, PDF or SVG, with matplotlib
network.py          the network, drawn as stacks of planes
"""

from impasto.tasks.figures.drawing import ENDINGS, check_drawing, save_plate
from impasto.tasks.figures.features import prepare_features
from impasto.tasks.figures.figure import Figure
from impasto.tasks.figures.layers import prepare_layers
from impasto.tasks.figures.panel import Curve, Panel
from impasto.tasks.figures.progress import prepare_progress
from impasto.tasks.figures.representations import prepare_representations
from impasto.tasks.figures.tradeoff import prepare_tradeoff

__all__ = [
    "ENDINGS",
    "Curve",
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
