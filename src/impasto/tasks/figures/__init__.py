"""The papers' figures, each computed first and drawn second."""

from impasto.tasks.figures.bands import Curve
from impasto.tasks.figures.comparisons import prepare_layers, prepare_representations, prepare_sheet, prepare_tradeoff
from impasto.tasks.figures.figure import Event, Figure
from impasto.tasks.figures.plate import Panel, check_drawing, save_plate
from impasto.tasks.figures.studies import prepare_features, prepare_progress

__all__ = [
    "Curve",
    "Event",
    "Figure",
    "Panel",
    "check_drawing",
    "prepare_features",
    "prepare_layers",
    "prepare_progress",
    "prepare_representations",
    "prepare_sheet",
    "prepare_tradeoff",
    "save_plate",
]
