"""`impasto presets`, `impasto swatches`, `impasto show`: what there is, and what a picture is made of."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
import cloup

from impasto.choices import IMAGE, SWATCH, UNLIMITED, VIDEOS
from impasto.cli.completion import among
from impasto.cli.group import Group
from impasto.cli.interrupts import held_back
from impasto.cli.options import Size, debug_option, force_option, output_option
from impasto.cli.terminal import columns
from impasto.cli.words import words
from impasto.errors import UsageError
from impasto.presets import PRESETS, preset
from impasto.recipe import SETTINGS, Recipe
from impasto.swatches import names as swatch_names

if TYPE_CHECKING:
    from impasto.record import Record

# Where the sections of a recipe begin, in the order of its fields; the machine's settings are not a preset's.
_SECTIONS = {
    "size": "Picture",
    "content_layers": "What is minimised",
    "encoder": "Network",
    "temporal_weight": "Clips",
    "solver": "The way there",
}
_MACHINE = ("device", "memory", "max_pixels", "weights", "extra_terms", "strength", "style_weights", "usual_size")
_SWATCH = "The swatch to draw; without it, all are listed."
_SIZE = "In pixels; one number is the long side of 4:3.  [default: 1024x768]"


@cloup.group(cls=Group, invoke_without_command=True)
@debug_option
@click.pass_context
def presets(ctx: click.Context) -> None:
    """List named sets of settings, or show one with its source."""
    if ctx.invoked_subcommand is None:
        click.echo(columns((each.name, each.summary) for each in PRESETS.values()))


@presets.command("show")
@cloup.argument("name", help="A name from `impasto presets`.", shell_complete=among(lambda: PRESETS))
@debug_option
def show_preset(name: str) -> None:
    """Show every number of a preset, and its source."""
    found = preset(name)
    about = [("preset", found.name), ("summary", found.summary), ("source", found.source)]
    about += [("differs" if i == 0 else "", each) for i, each in enumerate(found.differences)]
    click.echo(columns(about))
    for title, names in sections().items():
        click.echo(f"\n{title}\n{columns(in_words(found, names), indent='  ')}")


def sections() -> dict[str, list[str]]:
    """The names of settings by the titles of their sections."""
    found: dict[str, list[str]] = {}
    for name in SETTINGS:
        title = _SECTIONS.get(name) or next(reversed(found))
        found.setdefault(title, []).extend([] if name in _MACHINE else [name])
    return found


def in_words(found: Recipe, names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Settings in words, but those that have no part: a term without weight, noise without a random start."""
    from impasto.solvers import solver_of

    switches = {
        "tv_loss": found.tv_weight,
        "neighbor_layers": found.neighbor_weight,
        "noise": found.init == "random",
        "tileable": found.tileable,
        "milestones": found.milestones,
        "by_size": found.by_size,
        "following": found.following,
    }
    special = {
        "solver": words(solver_of(found.solver)),
        "iterations": words(found.pyramid.evaluations),
        "size": "the photograph's own" if found.usual_size == UNLIMITED else words(found.usual_size),
        "style_enlarged_up_to": "any size" if found.style_enlarged_up_to == UNLIMITED else "",
        "by_size": "; ".join(f"above {each.size} px: {words(each.settings)}" for each in found.by_size),
    }
    trained = {"preprocessing": "as trained", "pooling": "as trained", "padding": "as trained"}
    for name in names:
        value = getattr(found, name)
        said = special.get(name) or (trained.get(name) if value is None else words(value))
        if said and switches.get(name, True):
            yield name.replace("_", " "), said


@cloup.command()
@cloup.argument("name", required=False, help=_SWATCH, shell_complete=among(swatch_names))
@output_option("Where to draw it.  [default: NAME.png]")
@cloup.option("--size", metavar="WxH|N", type=Size(3 / 4), default="1024x768", help=_SIZE)
@cloup.option("--seed", type=click.INT, metavar="N", default=0, help="Another seed is another picture.  [default: 0]")
@force_option
@debug_option
def swatches(name: str | None, output: str | None, size: tuple[int, int], seed: int, force: bool) -> None:
    """List or draw the built-in style images.

    Each is drawn at any size, and is at hand as swatch:NAME wherever a style is expected.
    """
    from impasto import swatches as drawn

    if name is None:
        click.echo(columns((each, drawn.describe(each)) for each in drawn.names()))
        return
    name = name.removeprefix(SWATCH)
    drawn.describe(name)
    from impasto.images import from_array, save_image
    from impasto.session import Destination

    path, (width, height) = Path(output or f"{name}.png"), size
    Destination(path, force=force).check()
    picture = from_array(drawn.draw(name, width=width, height=height, seed=seed)).pixels
    with held_back():
        save_image(picture, path, force=force)
    click.echo(f"Wrote {path}")


@cloup.command()
@cloup.argument("file", help="A picture or a clip that impasto made.")
@cloup.option("--json", "as_json", is_flag=True, help="Print the record itself.")
@debug_option
def show(file: str, as_json: bool) -> None:
    """Print how a picture or a clip was made."""
    from impasto.record import printable, read_record

    _check_picture(Path(file))
    record = _of_clip(Path(file)) if is_clip(Path(file)) else read_record(file)
    if as_json:
        click.echo(json.dumps(record.to_json(), indent=1))
    else:
        click.echo(columns((printable(name), printable(text)) for name, text in _rows(record)))


def _check_picture(path: Path) -> None:
    """Raise UsageError for the folder of a run that goes on, which is no picture."""
    if (path / "run.json").is_file():
        raise UsageError(f"{path} is the checkpoint of a run, not its picture. Go on with it: impasto resume {path}")
    if (path / "clip.json").is_file():
        raise UsageError(f"{path} keeps the frames of a clip. The `impasto video` command that began it goes on.")


def is_clip(path: Path) -> bool:
    """Whether it is a video or a folder of frames, as far as its name tells."""
    return path.is_dir() or (path.is_file() and path.suffix.lower() in VIDEOS)


def _of_clip(path: Path) -> Record:
    from impasto.video.recorded import read_record

    return read_record(path)


def _rows(record: Record) -> Iterator[tuple[str, str]]:
    """What a record says, with the preset and the settings that are not as it has them."""
    yield "task", record.task
    for each in record.inputs:
        known = f"sha256 {each.sha256[:16]}" if each.sha256 else f"pixels {str(each.pixels)[:16]}"
        yield each.role, f"{each.name or 'an image in memory'}  ({known})"
    chosen = str(record.settings.get("preset"))
    usual = PRESETS[chosen].to_json() | {"preset": None} if chosen in PRESETS else {}
    for name, value in record.settings.items():
        if value not in (None, IMAGE, usual.get(name)):  # a picture to begin with is among the inputs
            yield name.replace("_", " "), words(value)
    yield from (("network", f"{each.name}  (sha256 {each.sha256[:16]})") for each in record.encoders)
    for name, value in vars(record.made).items():
        yield f"made with {name}" if name in ("impasto", "torch") else name, str(value)
    if record.result:
        yield "evaluations", f"{record.result.evaluations} of {record.result.of}"
        for name, value in {"loss": record.result.loss, **record.result.terms}.items():
            yield name, "not finite" if value is None else f"{value:.6g}"
    if record.start and record.start.result:
        yield "went on from", f"a {record.start.task} of {record.start.result.evaluations} evaluations:"
        yield from ((f"  {name}", text) for name, text in _rows(record.start))
