"""A run's state in files, so that what was stopped goes on as if it had not been.

packing.py   a snapshot <-> tensors by name and JSON
tensors.py   tensors by name and JSON <-> a file
snapshots.py a step of a run <-> a file
folder.py    a run's folder: its description and its two newest snapshots
pace.py      how often, so that it costs next to nothing
"""

from impasto.checkpoint.folder import Checkpoints
from impasto.checkpoint.pace import Pace
from impasto.checkpoint.packing import Packed, pack, unpack
from impasto.checkpoint.snapshots import Kept

__all__ = ["Checkpoints", "Kept", "Pace", "Packed", "pack", "unpack"]
