"""A clip, painted frame by frame: whatever ends it, finished frames are kept, and the same request goes on there."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from impasto.engine import Step
from impasto.errors import ImageError, UsageError
from impasto.files import check_beside
from impasto.images import size_for
from impasto.loading import Encoders
from impasto.plan import Plan
from impasto.preparation import Pictures
from impasto.recipe import Recipe
from impasto.record import KEYWORD
from impasto.settings import shaping
from impasto.sources import ImageSource
from impasto.version import __version__
from impasto.video.choosing import Choice, chosen
from impasto.video.flow import opencv
from impasto.video.folder import FrameFolder, check_place, is_written_of
from impasto.video.masking import MovingMasks
from impasto.video.reading import Clip, Frame, pyav
from impasto.video.recorded import known, record_of
from impasto.video.shot import FrameRun, Made, Shot, Shown, Stretch
from impasto.video.shots import pieces
from impasto.video.writing import check_kind, check_pace, codec_of, write_clip

RECENT = 12  # frames by which the time left is judged


@dataclass(frozen=True)
class Begun:
    """So many frames, `count`, of (width, height) `size` are going to be painted, of which `there` are finished."""

    count: int
    size: tuple[int, int]
    there: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Painting:
    """A step of a frame, the `number`-th that is painted of those asked for."""

    number: int
    count: int
    step: Step
    left: float | None


@dataclass(frozen=True)
class Painted:
    """A frame is finished after so many `seconds`, now `number` of them are; `left` are those to the end, if known."""

    number: int
    count: int
    seconds: float
    opens: bool
    left: float | None


@dataclass(frozen=True)
class Written:
    """The clip is at `path`, with so many frames."""

    path: Path
    frames: int
    notes: tuple[str, ...] = ()


Event = Begun | Painting | Painted | Written


class ClipSession:
    """A clip that is going to be painted, in the style of `pictures`, and written to `path`.

    Finished frames are kept in the folder OUT.impasto until the clip is whole; a `preview` ends after so many frames,
    and its folder stays.

    Raises:
        UsageError: the settings cannot be met, or the folder is another run's.
    """

    def __init__(
        self,
        clip: Clip,
        recipe: Recipe,
        pictures: Pictures,
        path: Path,
        *,
        choice: Choice | None = None,
        preview: int | None = None,
        force: bool = False,
        metadata: bool = True,
        encoders: Encoders | None = None,
    ):
        self._clip, self._recipe, self._pictures, self._path = clip, recipe, pictures, path
        self._choice, self._encoders, self._force = choice or Choice(), encoders or Encoders(), force
        self._metadata = metadata
        self._times = self._choice.times(clip)
        self.count = min(len(self._times), preview or len(self._times))
        self.shape = working_shape(clip, recipe, path)
        self._masks = MovingMasks.of(pictures, clip, recipe.max_pixels)
        self._pace = Pace(self.count)

    @property
    def folder(self) -> Path:
        """Where finished frames are kept."""
        return self._path.with_name(self._path.name + ".impasto")

    def events(self) -> Generator[Event, None, None]:
        """What happens, as it is taken.

        Raises:
            ImpastoError: what ended it; the finished frames are kept.
        """
        self._check()
        first = self._first()
        text = self._text(first[1])
        folder = FrameFolder(self.folder, self._about(), anew=self._force)
        try:
            height, width = self.shape
            there = sum(folder.finished(number) for number in range(1, self.count + 1))
            self._pace.finished = there
            yield Begun(self.count, (width, height), there, tuple(self._clip.notes))
            made = yield from self._frames(folder, [first])
            if not made:
                raise ImageError(f"{self._clip.path} has no frames that can be read.")
            write_clip(self._path, self._finished(folder, made), self._clip, self._since, text)
            folder.wrote(self._path)
            yield Written(self._path, made, tuple(self._clip.notes))
            if self.count == len(self._times):
                folder.remove()
        finally:
            (folder.remove if folder.empty else folder.close)()

    def plans(self) -> list[Plan]:
        """What each frame will take, if there is no cut; everything is checked, nothing written.

        Raises:
            ImpastoError: as `events`, before the first frame.
        """
        self._check()
        (shot, run), interval, more = self._first(), self._recipe.keyframe_interval, self.count - 1
        ahead = more // interval + (more % interval > 1) if interval > 1 else 0
        after = [shot.leading] * ahead + [shot.following] * (more - ahead) if more else []
        return [run.plan, *after]

    def _frames(self, folder: FrameFolder, ready: list[tuple[Shot, FrameRun]]) -> Generator[Event, None, int]:
        """Paint the frames that are not there; how many there are in the end.

        What is `ready` of the first frame is taken, so that it is not kept for all of the clip. A key frame beyond the
        last that is asked for is painted too, as those before hold to it.
        """
        made = 0
        shot: Shot | None = None
        key: Made | None = None
        opening: Made | None = None

        def opens(number: int) -> bool | None:
            return folder.opens(number) if folder.finished(number) else None

        for piece in pieces(self._shown(), self._recipe.keyframe_interval, opens):
            made = min(self.count, piece.first + len(piece.frames) - 1)
            if shot is None or key is None or opening is None or piece.opens:
                now = piece.frames[0]
                shot, run = ready.pop() if ready else (self._shot(now), None)
                if not folder.finished(piece.first):
                    yield from self._painted(folder, piece.first, run or shot.opening(), opens=True)
                key = opening = Made(now, folder.canvas(piece.first))
                if made == self.count:
                    break
                continue
            stretch = Stretch(key, piece.frames, piece.motions)
            for place in stretch.order:
                number = piece.first - 1 + place
                if number > self.count and not stretch.is_ahead(place):
                    continue
                if not folder.finished(number):
                    past = stretch.past(place)
                    paint = shot.ahead if stretch.is_ahead(place) else shot.next
                    run = paint(stretch.shown(place), past, opening.canvas)
                    yield from self._painted(folder, number, run, still=bool(past.still.all()))
                stretch.add(place, folder.canvas(number))
            key = stretch.made(len(piece.frames))
            if made == self.count:
                break
        return made

    def _painted(
        self, folder: FrameFolder, number: int, run: FrameRun, *, opens: bool = False, still: bool = False
    ) -> Iterator[Event]:
        """Paint a frame, and keep it."""
        began, pace = time.perf_counter(), self._pace
        asked = min(pace.finished + 1, self.count)
        for step in run:
            yield Painting(asked, self.count, step, pace.left)
            if still:
                break
        folder.add(number, run.finished, run.canvas, opens=opens)
        seconds = time.perf_counter() - began
        pace.took(seconds, opens=opens)
        if number <= self.count:
            pace.finished += 1
            yield Painted(asked, self.count, seconds, opens, pace.left)

    def _check(self) -> None:
        """Make sure that the packages are there and that the result can be written, before any work starts."""
        if codec_of(self._path):
            pyav()
        if self.count > 1:
            opencv()
        check_pace(self._path, [time for time, _ in self._times])
        check_place(self.folder, self._about(), anew=self._force)
        there = next(each for each in self._path.absolute().parents if each.exists())
        check_beside(there / self._path.name)
        if not self._path.exists():
            return
        if self._path.samefile(self._clip.path):
            raise UsageError(f"{self._path} is itself the clip to read. Choose another name for the result.")
        read = (each for each in self._others if isinstance(each, str | Path) and Path(each).exists())
        if any(self._path.samefile(each) for each in read):
            raise UsageError(f"{self._path} is itself one of the images to read. Choose another name for the result.")
        check_kind(self._path)
        if not self._force and not is_written_of(self.folder, self._path):
            raise UsageError(f"{self._path} exists already. Choose another name, or overwrite it with --force.")

    def _shown(self) -> Iterator[Shown]:
        """The frames that are painted, with their masks."""
        numbers = {time: number for number, (time, _) in enumerate(self._clip.times)}
        masks = self._masks.in_turn([numbers[time] for time, _ in self._times], *self.shape)
        for frame, its_masks in zip(chosen(self._clip, self._times), masks, strict=False):
            yield Shown(frame.scaled(*self.shape), its_masks)

    def _first(self) -> tuple[Shot, FrameRun]:
        """The first shot, and the run of its first frame."""
        frame = next(self._shown(), None)
        if frame is None:
            raise ImageError(f"{self._clip.path} has no frames that can be read.")
        return self._opening(frame)

    def _text(self, opening: FrameRun) -> dict[str, str]:
        """What the result says of how it was made."""
        if not self._metadata:
            return {}
        record = record_of(opening.record, self._clip.path, self._recipe)
        return {"comment": f"impasto {__version__}", KEYWORD: record.to_text()}

    def _opening(self, first: Shown) -> tuple[Shot, FrameRun]:
        shot = self._shot(first)
        return shot, shot.opening()

    def _shot(self, first: Shown) -> Shot:
        return Shot(first, self._recipe, self._pictures, self._encoders)

    def _finished(self, folder: FrameFolder, count: int) -> Iterator[Frame]:
        for number, (begins, lasts) in enumerate(self._times[:count], 1):
            yield Frame(begins, lasts, folder.frame(number))

    @property
    def _since(self) -> Fraction:
        return self._times[0][0] if self._choice.start else Fraction(0)

    @property
    def _others(self) -> list[ImageSource | None]:
        """All pictures but the clip."""
        others = [*self._pictures.styles, self._pictures.init, self._pictures.keep, self._pictures.texture]
        for region in self._pictures.regions:
            others += [region.mask, region.style, region.style_mask]
        return others

    def _about(self) -> dict[str, Any]:
        """What tells one run from another."""
        choice = [str(each) for each in (self._choice.start, self._choice.end, self._choice.rate, self._choice.every)]
        return {
            "impasto": __version__,
            "clip": known(self._clip.path),
            "pictures": [None if each is None else known(each) for each in self._others],
            "settings": shaping(self._recipe.to_json()),
            "choice": choice,
            "shape": list(self.shape),
        }


def working_shape(clip: Clip, recipe: Recipe, path: Path) -> tuple[int, int]:
    """Height and width that frames are painted at: as asked for, with sides that the result's format has."""
    if recipe.size == "original":
        height, width = clip.shape
    else:
        height, width = size_for(*clip.shape, recipe.long_side or min(recipe.usual_size, max(clip.shape)))
    codec = codec_of(path)
    multiple = codec.multiple if codec else 1
    return tuple(max(1, round(side / multiple)) * multiple for side in (height, width))  # type: ignore[return-value]


@dataclass
class Pace:
    """How long frames take, and what is left of `count`, of which so many are `finished`."""

    count: int
    finished: int = 0
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))

    def took(self, seconds: float, *, opens: bool) -> None:
        """A frame took so long; one that opens a shot takes longer than others."""
        if not opens:
            self.recent.append(seconds)

    @property
    def left(self) -> float | None:
        """Seconds to the end, once that can be told."""
        return (self.count - self.finished) * sum(self.recent) / len(self.recent) if self.recent else None
