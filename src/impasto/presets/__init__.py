"""Named, cited sets of hyper-parameters: how a picture is made, apart from which pictures and how large.

A preset is complete: nothing that shapes the result lies outside it but the images, the size, the seed and the
strength. Published ones say where their numbers come from, and how we still differ from the source.

    preset.py   Preset, Milestones
    default.py  our own, and the losses and solvers that can be asked for by name
    gatys.py    the papers by Gatys, Ecker and Bethge, and their code
    others.py   other people's published programs
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from impasto.errors import named
from impasto.presets.default import DEFAULT, DEFAULT_FROM_NOISE, SOLVERS, STOPS, STYLE_LOSSES
from impasto.presets.gatys import GATYS_2015, GATYS_2016, GATYS_CODE
from impasto.presets.others import CROWSON, JOHNSON, KERAS, TUTORIAL
from impasto.presets.preset import UNLIMITED, Milestones, Preset

__all__ = ["PRESETS", "SOLVERS", "STOPS", "STYLE_LOSSES", "UNLIMITED", "Milestones", "Preset", "for_noise", "preset"]

PRESETS: Mapping[str, Preset] = MappingProxyType(
    {preset.name: preset for preset in (DEFAULT, GATYS_2015, GATYS_2016, GATYS_CODE, JOHNSON, KERAS, TUTORIAL, CROWSON)}
)


def preset(name: str) -> Preset:
    """The preset called `name`.

    Raises:
        UnknownNameError: there is none.
    """
    return named("preset", name, PRESETS)


def for_noise(base: Preset) -> Preset:
    """The preset for pictures that begin with noise or gray: published ones are as they are."""
    return DEFAULT_FROM_NOISE if base is DEFAULT else base
