"""`impasto video`: a clip painted frame by frame, so that nothing flickers."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import click
import cloup

from impasto.cli import interrupts, options
from impasto.cli.completion import picture
from impasto.cli.making import region_of, styles_of, transfer_options
from impasto.cli.output import requested
from impasto.errors import UsageError
from impasto.quantities import duration
from impasto.recipe import Recipe

_EXAMPLES = """\b
Examples:
  impasto video in.mp4 painting.jpg -o out.mp4
  impasto video in.mp4 painting.jpg -o out.mp4 --preview 10
  impasto video frames/ swatch:oil -o out.gif --fps 12
"""
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
    ),
    options.style_option(),
    cloup.option("--region", "regions", multiple=True, metavar="MASK=STYLE", help="A style for where MASK is white."),
    cloup.option("--keep", metavar="MASK", help="Leave what is white in MASK as it is.", shell_complete=picture),
    *options.flags(Recipe(), "temporal_weight", "frame_iterations"),
)
def video(
    clip: str,
    named: tuple[str, ...],
    styles: tuple[str, ...],
    regions: tuple[str, ...],
    keep: str | None,
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
    there = [region_of(each) for each in regions]
    names = styles_of(named, styles, given, clip) if not there or named or styles else ()
    recipe, init = options.asked_recipe(given)
    output = requested(given, [clip, *names, *([init] if init else []), *([keep] if keep else [])], ())
    from impasto.cli.running import encoders_for
    from impasto.preparation import Pictures
    from impasto.regions import Region
    from impasto.video.choosing import Choice
    from impasto.video.reading import open_clip
    from impasto.video.session import Begun, ClipSession, Painted, Painting, Written
    from impasto.video.writing import codec_of

    codec_of(output.path)
    output.destination.check_overwritten()
    if end is not None and end <= (start or 0):
        raise UsageError("--end must be after --start.")
    opened = open_clip(clip, rate=fps, max_pixels=recipe.max_pixels)
    pictures = Pictures(None, names, init, [Region(*each) for each in there], keep)
    choice = Choice(start or Fraction(0), end, None if Path(clip).is_dir() else fps, every)
    session = ClipSession(
        opened, recipe, pictures, output.path, choice=choice, preview=preview, encoders=encoders_for(output)
    )
    told = not (output.quiet or output.as_json)
    for event in session.events():
        interrupts.check()
        match event:
            case Begun(count, (width, height), done, notes) if told:
                for note in notes:
                    click.echo(f"Note: {note}", err=True)
                click.echo(f"{count} frames of {width}x{height}" + (f", {done} there" if done else ""), err=True)
            case Painting():
                pass
            case Painted(number, count, seconds, opens, left) if told:
                rest = "" if left is None else f"  {duration(left)} left"
                click.echo(f"frame {number}/{count}  {seconds:.1f} s{'  new shot' if opens else ''}{rest}", err=True)
            case Written(_, frames, _) if told:
                click.echo(output.wrote(f"{frames} frames"))
    return 0
