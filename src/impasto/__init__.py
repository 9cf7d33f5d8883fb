"""Neural style transfer by optimisation (Gatys, Ecker & Bethge 2015, 2016).

    import impasto

    picture = impasto.stylize("photo.jpg", "painting.jpg", strength=0.6)
    picture.save("out.png")

Importing impasto does no work: what is named here is loaded when it is first used, and PyTorch with it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0.dev0"

if TYPE_CHECKING:
    from impasto.encoders.catalog import encoder_names as encoder_names
    from impasto.engine import Step as Step
    from impasto.errors import ImpastoError as ImpastoError
    from impasto.images import Picture as Picture
    from impasto.images import load_image as load_image
    from impasto.images import save_image as save_image
    from impasto.presets import PRESETS as PRESETS
    from impasto.presets import Preset as Preset
    from impasto.tasks.reconstruct import ReconstructConfig as ReconstructConfig
    from impasto.tasks.reconstruct import prepare_reconstruction as prepare_reconstruction
    from impasto.tasks.reconstruct import reconstruct as reconstruct
    from impasto.tasks.run import Run as Run
    from impasto.tasks.settings import TransferConfig as TransferConfig
    from impasto.tasks.texture import TextureConfig as TextureConfig
    from impasto.tasks.texture import prepare_texture as prepare_texture
    from impasto.tasks.texture import synthesize as synthesize
    from impasto.tasks.transfer import prepare as prepare
    from impasto.tasks.transfer import stylize as stylize

_HOMES = {
    "stylize": "impasto.tasks.transfer",
    "prepare": "impasto.tasks.transfer",
    "synthesize": "impasto.tasks.texture",
    "prepare_texture": "impasto.tasks.texture",
    "TextureConfig": "impasto.tasks.texture",
    "reconstruct": "impasto.tasks.reconstruct",
    "prepare_reconstruction": "impasto.tasks.reconstruct",
    "ReconstructConfig": "impasto.tasks.reconstruct",
    "Run": "impasto.tasks.run",
    "TransferConfig": "impasto.tasks.settings",
    "Step": "impasto.engine",
    "Preset": "impasto.presets",
    "PRESETS": "impasto.presets",
    "Picture": "impasto.images",
    "load_image": "impasto.images",
    "save_image": "impasto.images",
    "encoder_names": "impasto.encoders.catalog",
    "ImpastoError": "impasto.errors",
}

__all__ = [
    "PRESETS",
    "ImpastoError",
    "Picture",
    "Preset",
    "ReconstructConfig",
    "Run",
    "Step",
    "TextureConfig",
    "TransferConfig",
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
