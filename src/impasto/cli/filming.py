"""`impasto video`: a clip painted frame by frame, so that nothing flickers."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import cloup

from impasto.cli import interrupts, options
from impasto.cli.completion import picture
from impasto.cli.making import one_texture, region_of, styles_of, texture_options, transfer_options
from impasto.cli.masking import check_named, is_file
from impasto.cli.output import PIPE, Output, requested
from impasto.cli.terminal import can_redraw, columns, say
from impasto.errors import UsageError
from impasto.quantities import counted, duration, in_words
from impasto.recipe import Recipe

if TYPE_CHECKING:
    from impasto.video.session import ClipSession, Event

EVERY = 5.0  # seconds between lines of a log

_EXAMPLES = """\b
Examples:
  impasto video in.mp4 painting.jpg -o out.mp4
  impasto video in.mp4 painting.jpg -o out.mp4 --preview 10
  impasto video frames/ swatch:mosaic -o out.gif --fps 12
"""
_KEEP = "Leave what is white in MASK as it is."
_INSTANT = "A preview in one pass of a small network: --preset instant. Behind what moves it leaves a slight smear."
_CLIP = "The clip: a video file, an animated GIF, PNG or WebP, or a folder of frames."


class Seconds(click.ParamType[Any]):
    """`12.5`, `1:02.5` or `0:01:02` as a fraction of seconds."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Fraction:
        """Parse, or say what is no time."""
        try:
            parts = [Fraction(part) for part in str(value).split(":")]
            if len(parts) <= 3 and min(parts) >= 0:
                return sum((part * 60**i for i, part in enumerate(reversed(parts))), Fraction(0))
        except (ValueError, ZeroDivisionError):
            pass
        self.fail(f"{value!r}; it must be seconds, such as 12.5, or 1:02.5.", param, ctx)


class Rate(click.ParamType[Any]):
    """`25`, `29.97` or `30000/1001` as a fraction above 0."""

    name = "N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Fraction:
        """Parse, or say what is no rate."""
        try:
            rate = Fraction(str(value))
            if 0 < rate <= 1000:
                return rate.limit_denominator(100_000)
        except (ValueError, ZeroDivisionError):
            pass
        self.fail(f"{value!r}; it must be frames a second, such as 12.", param, ctx)


@cloup.command(epilog=_EXAMPLES)
@cloup.argument("clip", help=_CLIP, shell_complete=picture)
@options.styles_argument()
@transfer_options(
    options.file_options(
        options.output_option("The result: .mp4, .mov, .mkv, .webm, .gif, .apng, .webp, or a folder.", required=True),
        cloup.option("--start", type=Seconds(), help="Where to begin, in seconds or as 1:02.5.  [default: 0]"),
        cloup.option("--end", type=Seconds(), help="Where to end.  [default: the end]"),
        cloup.option(
            "--fps", type=Rate(), help="At most so many frames a second; of a folder, so many.  [default: 25]"
        ),
        cloup.option("--every", type=click.IntRange(1), default=1, metavar="N", help="Paint every N-th frame alone."),
        cloup.option("--preview", type=click.IntRange(1), metavar="N", help="Paint the first N frames; go on later."),
        options.no_metadata_option,
    ),
    options.style_option(),
    cloup.option("--instant", is_flag=True, help=_INSTANT),
    cloup.option("--region", "regions", multiple=True, metavar="MASK=STYLE", help="A style for where MASK is white."),
    cloup.option("--keep", multiple=True, metavar="MASK", help=_KEEP, shell_complete=picture),
    *texture_options,
    *options.flags(Recipe(), "temporal_weight", "frame_iterations", "keyframe_interval"),
    whose="clip",
)
def video(
    clip: str,
    named: tuple[str, ...],
    styles: tuple[str, ...],
    regions: tuple[str, ...],
    keep: tuple[str, ...],
    texture: tuple[str, ...],
    start: Fraction | None,
    end: Fraction | None,
    fps: Fraction | None,
    every: int,
    preview: int | None,
    **given: Any,
) -> int:
    """Paint the frames of CLIP in the style of the picture STYLE, so that nothing flickers.

    Every frame begins with the one before, moved as the clip moves. Ctrl-C stops; the same command goes on where it
    was. `--preview 10` paints the first ten frames, to be looked at.
    """
    if given["output"] == PIPE:
        raise UsageError("-o is -, but a clip is a file or a folder. Name one, such as out.mp4.")
    fine = one_texture(texture, given)
    there = [region_of(each) for each in regions]
    _check_masks(keep, [mask for mask, *_ in there])
    kept = next(iter(keep), None)
    names = styles_of(named, styles, given, clip) if not there or named or styles else ()
    recipe, init = options.asked_recipe(given)
    output = requested(given, [clip, *names, *filter(None, (init, kept, fine))], ())
    from impasto.cli.running import encoders_for
    from impasto.preparation import Pictures
    from impasto.regions import Region
    from impasto.video.choosing import Choice
    from impasto.video.reading import open_clip
    from impasto.video.session import ClipSession
    from impasto.video.writing import codec_of

    codec_of(output.path)
    if end is not None and end <= (start or 0):
        raise UsageError("--end must be after --start.")
    opened = open_clip(clip, rate=fps, max_pixels=recipe.max_pixels)
    choice = Choice(start or Fraction(0), end, None if Path(clip).is_dir() else fps, every)
    session = ClipSession(
        opened,
        recipe,
        Pictures(None, names, init, [Region(*each) for each in there], kept, fine),
        output.path,
        choice=choice,
        preview=preview,
        force=output.destination.force,
        metadata=output.destination.metadata,
        encoders=encoders_for(output),
    )
    return _foreseen(session, output) if output.dry_run else _carried_out(session, output)


def _check_masks(keep: Sequence[str], regions: Sequence[str]) -> None:
    """Raise UsageError unless all are files, as far as their names tell: in a clip none is found."""
    check_named(keep, regions)
    options = [(mask, f"--keep {mask}") for mask in keep] + [(mask, f"--region {mask}=STYLE") for mask in regions]
    for mask, option in options:
        if not is_file(mask):
            raise UsageError(
                f"{mask} is to be found in a photograph, but masks of clips are files. Find it in a frame first, with "
                f"impasto transfer FRAME STYLE {option}, and name the file that it writes."
            )


def _foreseen(session: ClipSession, output: Output) -> int:
    """Check everything and show what would be done."""
    from impasto.cli.drawing import print_record
    from impasto.cli.running import prepared

    plans = prepared(lambda _: session.plans(), output)
    first, others = plans[0].evaluations, sorted({plan.evaluations for plan in plans[1:]})
    estimates = [plan.estimate for plan in plans if plan.estimate]
    memory, seconds = max(each.memory for each in estimates), sum(each.seconds for each in estimates)
    (height, width), evaluations = session.shape, sum(plan.evaluations for plan in plans)
    if output.as_json:
        numbers: dict[str, Any] = {"frames": session.count, "size": [width, height], "evaluations": evaluations}
        numbers |= {"first_evaluations": first, "other_evaluations": others[0] if others else None}
        numbers |= {"key_evaluations": others[1] if len(others) > 1 else None}
        expected = {"memory_bytes": memory, "seconds": seconds}
        print_record("plan", **numbers, **expected, output=output.name, notes=list(plans[0].notes))
        return 0
    each = f"{first} of the first frame" + (f", {' or '.join(map(str, others))} of every other" if others else "")
    rows = [("frames", str(session.count)), ("size", f"{width}x{height}"), ("evaluations", f"{evaluations}: {each}")]
    rows += [("memory", f"about {in_words(memory)}"), ("time", f"about {duration(seconds)}, if there is no cut")]
    click.echo(columns([*rows, ("output", output.name)]))
    for note in plans[0].notes:
        click.echo(f"Note: {note}")
    return 0


def _carried_out(session: ClipSession, output: Output) -> int:
    """Paint, and tell of it; the exit code."""
    telling: Any = Telling(output)
    try:
        with closing(session.events()) as events:
            for event in events:
                telling(event)
                interrupts.check()
    except KeyboardInterrupt:
        telling.close()
        if telling.finished:
            say(f"Stopped after {counted(telling.finished, 'frame')}, kept for later. The same command goes on.")
        else:
            say("Stopped before the first frame was finished.")
        return interrupts.status()
    finally:
        telling.close()
    return 0


class Telling:
    """Tells a person or a program what happens."""

    def __init__(self, output: Output):
        self._output, self.finished, self._bar = output, 0, FrameBar() if can_redraw() else None
        self._said = time.monotonic()

    def close(self) -> None:
        """Take away what is redrawn."""
        if self._bar:
            self._bar.close()

    def __call__(self, event: Event) -> None:
        """Tell of an event."""
        from impasto.cli.drawing import print_record
        from impasto.video.session import Painted, Painting

        if isinstance(event, Painted):
            self.finished = event.number
        if self._output.as_json:
            if not isinstance(event, Painting):
                print_record(type(event).__name__.lower(), **{k: _plain(v) for k, v in vars(event).items()})
        elif not self._output.quiet:
            self._in_words(event)

    def _in_words(self, event: Event) -> None:
        from impasto.video.session import Begun, Painted, Painting, Written

        match event:
            case Begun(count, (width, height), there, notes):
                finished = f", of which {there} {'is' if there == 1 else 'are'} finished" if there else ""
                there_are = f"{counted(count, 'frame')} of {width}x{height}{finished}"
                for line in (*(f"Note: {note}" for note in notes), there_are):
                    say(line)
            case Painting(number, count, step, left) if self._bar:
                self._bar.show(number, count, step.done / step.total, left)
            case Painted(number, count, _, opens, left) if not self._bar:
                now = time.monotonic()
                if opens or number == count or now - self._said > EVERY:
                    self._said = now
                    say(f"frame {number}/{count}{'  new shot' if opens else ''}  {_left(left)}")
            case Written(_, frames, notes):
                self.close()
                for note in notes:
                    say(f"Note: {note}")
                click.echo(self._output.wrote(counted(frames, "frame")))


class FrameBar:
    """A line that is redrawn in place."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress

        parts = ("{task.description}", BarColumn(bar_width=24), "{task.percentage:3.0f}%", "{task.fields[left]}")
        self._bar = Progress(*parts, console=Console(file=sys.stderr), auto_refresh=False, transient=True)
        self._task = self._bar.add_task("starting", total=1.0, left="")
        self._bar.start()

    def close(self) -> None:
        """Take the line away."""
        self._bar.stop()

    def show(self, number: int, count: int, part: float, left: float | None) -> None:
        """So much of a frame is done."""
        done = (number - 1 + part) / count
        self._bar.update(
            self._task, description=f"frame {number}/{count}", completed=done, left=_left(left), refresh=True
        )


def _left(seconds: float | None) -> str:
    return "" if seconds is None else f"{duration(seconds)} left"


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value
