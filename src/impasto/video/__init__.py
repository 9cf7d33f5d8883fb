"""Clips: read, painted frame by frame so that nothing flickers, and written.

reading.py    a file or a folder -> frames with their times
choosing.py   which of them are painted
flow.py       how far each pixel moved, and whether that is to be relied on
shots.py      where a new shot begins
shot.py       the runs of a shot's frames
folder.py     finished frames, kept
session.py    all of it, as events
writing.py    frames -> a file with the clip's sound
"""

from impasto.video.choosing import Choice
from impasto.video.reading import Clip, Frame, open_clip
from impasto.video.session import Begun, ClipSession, Painted, Painting, Written

__all__ = ["Begun", "Choice", "Clip", "ClipSession", "Frame", "Painted", "Painting", "Written", "open_clip"]
