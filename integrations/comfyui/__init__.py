"""impasto in ComfyUI: neural style transfer by optimisation, as nodes of its V3 interface."""

from .nodes import comfy_entrypoint

__all__ = ["comfy_entrypoint"]
