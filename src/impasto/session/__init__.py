"""A run carried out: its pictures are saved, its state is kept, and what happens is told as events.

Nothing here prints or waits for anybody: a command line, a browser or a notebook draws the events.
"""

from impasto.session.destination import Destination
from impasto.session.events import Event, Failed, Milestone, Note, Planned, Saved, Stepped, Stopped
from impasto.session.session import Session

__all__ = ["Destination", "Event", "Failed", "Milestone", "Note", "Planned", "Saved", "Session", "Stepped", "Stopped"]
