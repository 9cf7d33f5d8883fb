"""Instant mode: a small network paints in one pass what the optimiser would find in many evaluations.

grain.py       what a photograph gets where it is flat, to make strokes of
transport.py   features taken to a style's statistics
decoder.py     features -> a picture, led by a style's statistics
network.py     Instant: a photograph and the styles of its parts -> a picture, in tiles if it is large
packed.py      load_instant: the network in the package
"""

from impasto.instant.network import Instant, Style
from impasto.instant.packed import load_instant

__all__ = ["Instant", "Style", "load_instant"]
