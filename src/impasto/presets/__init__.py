"""Named, cited recipes.

A preset is complete: nothing that shapes the result lies outside it but the images, the size, the seed and the
strength. Published ones say where their numbers come from, and how we still differ from the source.

    own.py      ours: quicker than the default, better, by places, and for figures
    gatys.py    the papers by Gatys, Ecker and Bethge, and their code
    others.py   other people's published programs

The default's numbers are those of `Recipe` itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from impasto.presets.gatys import GATYS_2015, GATYS_2016, GATYS_CODE
from impasto.presets.others import CROWSON, JOHNSON, KERAS, TUTORIAL
from impasto.presets.own import BEST, FAST, INSTANT, NEIGHBORS, PALETTE, STUDY
from impasto.ranges import one_of
from impasto.recipe import Recipe

__all__ = ["PRESETS", "preset"]

_OWN = (Recipe(), INSTANT, FAST, BEST, NEIGHBORS, PALETTE, STUDY)
_PUBLISHED = (GATYS_2015, GATYS_2016, GATYS_CODE, JOHNSON, KERAS, TUTORIAL, CROWSON)
PRESETS: Mapping[str, Recipe] = MappingProxyType({each.name: each for each in (*_OWN, *_PUBLISHED)})


def preset(name: str | Recipe) -> Recipe:
    """The recipe called `name`, or the one that is given.

    Raises:
        UnknownNameError: there is none.
    """
    return name if isinstance(name, Recipe) else PRESETS[one_of("preset", PRESETS)("preset", name)]
