"""Neural style transfer by optimisation (Gatys, Ecker & Bethge 2015, 2016)."""

from __future__ import annotations

__version__ = "0.1.0.dev0"
