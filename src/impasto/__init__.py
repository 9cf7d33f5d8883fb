"""Neural style transfer by optimisation (Gatys, Ecker & Bethge 2015, 2016).

    import impasto

    picture = impasto.stylize("photo.jpg", "painting.jpg", strength=0.6)
    picture.save("out.png")

Importing impasto does no work: what is named here is loaded when it is first used, and PyTorch with it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from impasto.version import __version__

if TYPE_CHECKING:
    from impasto.choices import Above as Above
    from impasto.encoders.registry import encoder_names as encoder_names
    from impasto.engine import Step as Step
    from impasto.errors import ImpastoError as ImpastoError
    from impasto.images import Picture as Picture
    from impasto.images import load_image as load_image
    from impasto.images import save_image as save_image
    from impasto.painter import Painter as Painter
    from impasto.painter import prepare as prepare
    from impasto.painter import prepare_reconstruction as prepare_reconstruction
    from impasto.painter import prepare_texture as prepare_texture
    from impasto.painter import reconstruct as reconstruct
    from impasto.painter import stylize as stylize
    from impasto.painter import synthesize as synthesize
    from impasto.painting import Painting as Painting
    from impasto.presets import PRESETS as PRESETS
    from impasto.recipe import Recipe as Recipe
    from impasto.regions import Region as Region
    from impasto.run import Run as Run
    from impasto.schedule import Pyramid as Pyramid
    from impasto.terms import FeatureTerm as FeatureTerm
    from impasto.terms import PixelTerm as PixelTerm
    from impasto.terms import Term as Term

_HOMES = {
    "stylize": "impasto.painter",
    "synthesize": "impasto.painter",
    "reconstruct": "impasto.painter",
    "prepare": "impasto.painter",
    "prepare_texture": "impasto.painter",
    "prepare_reconstruction": "impasto.painter",
    "Painter": "impasto.painter",
    "Painting": "impasto.painting",
    "Recipe": "impasto.recipe",
    "Region": "impasto.regions",
    "Above": "impasto.choices",
    "Pyramid": "impasto.schedule",
    "PRESETS": "impasto.presets",
    "Run": "impasto.run",
    "Step": "impasto.engine",
    "Picture": "impasto.images",
    "load_image": "impasto.images",
    "save_image": "impasto.images",
    "encoder_names": "impasto.encoders.registry",
    "ImpastoError": "impasto.errors",
    "PixelTerm": "impasto.terms",
    "FeatureTerm": "impasto.terms",
    "Term": "impasto.terms",
}

__all__ = [
    "PRESETS",
    "Above",
    "FeatureTerm",
    "ImpastoError",
    "Painter",
    "Painting",
    "Picture",
    "PixelTerm",
    "Pyramid",
    "Recipe",
    "Region",
    "Run",
    "Step",
    "Term",
    "__version__",
    "encoder_names",
    "load_image",
    "prepare",
    "prepare_reconstruction",
    "prepare_texture",
    "reconstruct",
    "save_image",
    "stylize",
    "synthesize",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'impasto' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
