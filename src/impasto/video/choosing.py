"""Which frames of a clip are painted: a part of it, some a second, every so many, or the first few."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from impasto.errors import UsageError
from impasto.video.reading import Clip, Frame

Times = Sequence[tuple[Fraction, Fraction]]


@dataclass(frozen=True)
class Choice:
    """The part from `start` to `end`, in seconds; at most `rate` frames a second; of those every `every`-th."""

    start: Fraction = Fraction(0)
    end: Fraction | None = None
    rate: Fraction | None = None
    every: int = 1

    def times(self, clip: Clip) -> list[tuple[Fraction, Fraction]]:
        """When the frames begin that are painted, and how long each is to be seen then.

        Raises:
            UsageError: there is none.
        """
        last = sum(clip.times[-1])
        end = min(last, self.end or last)
        there = [time for time, _ in clip.times if self.start <= time < end]
        if not there:
            raise UsageError(f"{clip.path} lasts {float(last):.2f} s; no frame is in the part that was asked for.")
        chosen = list(self._some(there))[:: self.every]
        return [(time, after - time) for time, after in zip(chosen, [*chosen[1:], end], strict=True)]

    def _some(self, times: Sequence[Fraction]) -> Iterator[Fraction]:
        """At most `rate` a second."""
        due = times[0]
        for time in times:
            if self.rate is None or time >= due:
                yield time
                due = time if self.rate is None else due + 1 / self.rate * max(1, (time - due) // (1 / self.rate) + 1)


def chosen(clip: Clip, times: Times) -> Iterator[Frame]:
    """The frames of these `times`, each to be seen as long as it says there."""
    lasting, end = dict(times), times[-1][0]
    for frame in clip.frames(times[0][0]):
        if frame.time in lasting:
            yield replace(frame, duration=lasting[frame.time])
        if frame.time >= end:
            return
