"""A run carried out: its pictures are saved, its state is kept, and what happens is told as events.

    session.py      Session: the run, whatever ends it
    events.py       what it tells
    destination.py  where its pictures go
    series.py       the pictures on the way
    saving.py       a picture and its record -> a file, or a place of last resort
    keeping.py      the state, for another session to go on from
    clock.py        the time that is left

Nothing here prints or waits for anybody: a command line, a browser or a notebook draws the events.
"""

from impasto.session.destination import Destination
from impasto.session.events import Event, Failed, Milestone, Note, Outcome, Planned, Saved, Stepped, Stopped
from impasto.session.session import Session

__all__ = [
    "Destination",
    "Event",
    "Failed",
    "Milestone",
    "Note",
    "Outcome",
    "Planned",
    "Saved",
    "Session",
    "Stepped",
    "Stopped",
]
