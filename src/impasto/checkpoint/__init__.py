"""A run's state in files, so that what was stopped goes on as if it had not been."""

from impasto.checkpoint.folder import Checkpoints, check_free
from impasto.checkpoint.pace import Pace
from impasto.checkpoint.snapshots import Kept, Packed, pack, unpack

__all__ = ["Checkpoints", "Kept", "Pace", "Packed", "check_free", "pack", "unpack"]
