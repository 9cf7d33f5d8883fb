"""The papers' figures, each computed first and drawn second."""

from impasto.tasks.figures.bands import Curve
from impasto.tasks.figures.comparisons import prepare_layers, prepare_representations, prepare_tradeoff
from impasto.tasks.figures.features import prepare_features
from impasto.tasks.figures.figure import Event, Figure
from impasto.tasks.figures.plate import ENDINGS, Panel, check_drawing, save_plate
from impasto.tasks.figures.progress import prepare_progress

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
