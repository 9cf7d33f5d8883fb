"""`impasto figure`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import click
import cloup

from impasto.cli import interrupts
from impasto.cli.layout import columns
from impasto.cli.options import (
    Decorator,
    asked_recipe,
    dry_run_option,
    flag,
    flags,
    force_option,
    network_options,
    optimisation_options,
    preset_option,
    quiet_option,
)
from impasto.cli.output import Output, requested
from impasto.cli.parameters import Names, Numbers, debug_option
from impasto.cli.running import loading, prepared
from impasto.recipe import Recipe
from impasto.tasks.reconstruct import reconstruction_of

if TYPE_CHECKING:
    from impasto.tasks.figures import Event, Figure

_EXAMPLE = "Example:  impasto figure {} -o figure.png"
_TWO = "photo.jpg painting.jpg"


@cloup.group()
@debug_option
def figure() -> None:
    """Draw the papers' figures, with pictures of your own.

    The ending of OUT sets the format: png, pdf or svg.
    """


def _look_options(*look: Decorator) -> Decorator:
    size = flag("size", "256", help="Long side of each picture in pixels.")
    return cloup.option_group("Look", *look, size)


def _file_options(name: str) -> Decorator:
    return cloup.option_group(
        "Files and reports",
        cloup.option(
            "-o",
            "--output",
            metavar="OUT",
            help=f"The figure; its ending sets the format: png, pdf or svg.  [default: a new {name}.png here]",
        ),
        force_option,
        *flags(Recipe(), "max_pixels"),
        quiet_option,
        cloup.option("--json", "as_json", is_flag=True, help="Print JSON records of evaluations and panels."),
        dry_run_option,
        debug_option,
    )


_content = cloup.argument("content", help="The photograph: an image file.")
_style = cloup.argument("style", help="An image file, or swatch:NAME to have one drawn.")


@figure.command(epilog=_EXAMPLE.format(f"representations {_TWO}"))
@_content
@_style
@_look_options(
    cloup.option(
        "--convention",
        metavar="YEAR",
        default="2015",
        help="Layers of the content: 2015, conv1_1 to conv5_1, or 2016, conv1_2 to conv5_2.  [default: 2015]",
    ),
    preset_option,
)
@network_options(Recipe())
@optimisation_options(Recipe(), without=["levels"], iterations="300")
@_file_options("CONTENT-STYLE-representations")
def representations(content: str, style: str, convention: str, **settings: Any) -> int:
    """Show CONTENT as five layers see it, and STYLE as ever more layers see it.

    Figure 1 of Gatys, Ecker and Bethge 2015: every picture is made from noise.
    """
    return _figure("representations", [content, style], settings, reconstruction_of, convention=convention)


@figure.command(epilog=_EXAMPLE.format(f"tradeoff {_TWO}"))
@_content
@_style
@_look_options(
    cloup.option(
        "--ratios",
        type=Numbers(),
        default=(0.01, 0.1, 1.0, 10.0),
        help="Content weights, as multiples of the preset's.  [default: 0.01,0.1,1,10]",
    ),
    preset_option,
    flag("levels"),
)
@network_options(Recipe())
@optimisation_options(Recipe(), without=["levels"], iterations="210")
@_file_options("CONTENT-STYLE-tradeoff")
def tradeoff(content: str, style: str, ratios: tuple[float, ...], **settings: Any) -> int:
    """Show transfers side by side: rows of ever more style layers, columns of ever more content.

    Figure 3 of Gatys, Ecker and Bethge 2015: every picture begins with noise.
    """
    return _figure("tradeoff", [content, style], settings, ratios=ratios)


@figure.command(epilog=_EXAMPLE.format(f"layers {_TWO}"))
@_content
@_style
@_look_options(
    cloup.option(
        "--layers",
        "content_layers",
        type=Names(),
        help="Content layers, one transfer each.  [default: relu2_2,relu4_2]",
    ),
    flag("style_layers"),
    preset_option,
    flag("levels"),
)
@network_options(Recipe())
@optimisation_options(Recipe(), without=["levels"], iterations="210")
@_file_options("CONTENT-STYLE-layers")
def layers(content: str, style: str, **settings: Any) -> int:
    """Show what it means to take the content from a low layer or from a high one.

    Figure 5 of Gatys, Ecker and Bethge 2016: every picture begins with noise.
    """
    layers = settings.pop("content_layers") or ()
    return _figure("layers", [content, style], settings, layers=layers)


@figure.command(epilog=_EXAMPLE.format(f"progress {_TWO}"))
@_content
@_style
@_look_options(
    flag("init", "random", metavar="WAY", help="What to begin with: random, matched, content, gray or style."),
    flag("content_layers"),
    flag("style_layers"),
    preset_option,
)
@network_options(Recipe())
@optimisation_options(Recipe(), without=["levels"], iterations="500")
@_file_options("CONTENT-STYLE-progress")
def progress(content: str, style: str, **settings: Any) -> int:
    """Show a transfer after 0, 1, 2, 5, 10, ... evaluations, and its loss."""
    return _figure("progress", [content, style], settings, from_noise)


@figure.command(epilog=_EXAMPLE.format("features photo.jpg"))
@cloup.argument("image", help="The picture to look at: an image file, or swatch:NAME.")
@_look_options(
    cloup.option("--layers", type=Names(), help="Layers to show.  [default: relu1_1 to relu5_1]"),
    *flags(Recipe(), "device"),
)
@network_options(Recipe())
@_file_options("IMAGE-features")
def features(image: str, **settings: Any) -> int:
    """Show the feature maps of layers and their Gram matrices."""
    layers = settings.pop("layers")
    return _figure("features", [image], settings, lambda base: reconstruction_of(base, "style", layers))


def from_noise(base: Recipe) -> Recipe:
    """`base` beginning with noise."""
    return replace(base, init="random")


def _figure(
    name: str,
    sources: Sequence[str],
    settings: dict[str, Any],
    of: Callable[[Recipe], Recipe] = from_noise,
    **more: Any,
) -> int:
    """Check, prepare, compute, draw; `of` makes the figure's recipe of the preset."""
    began = time.perf_counter()
    recipe, _ = asked_recipe(settings, of)
    with loading(shown=not (settings["quiet"] or settings["as_json"])):
        from impasto.tasks import figures
    request = requested(settings, sources, (*sources, name), began)
    figures.check_drawing(request.path, force=request.destination.force)
    prepare = getattr(figures, f"prepare_{name}")
    return _execute(partial(prepare, *sources, recipe, **more), request)


def _execute(prepare: Callable[..., Figure], request: Output) -> int:
    """Prepare a figure and make it; the exit code.  Nothing is written before it is whole."""
    ready = prepared(prepare, request)
    _show_plan(ready, request)
    if request.dry_run:
        return 0
    from impasto.tasks.figures import save_plate

    try:
        shown = _computed(ready, request)
    except KeyboardInterrupt:
        click.echo("Interrupted; the figure was not drawn.", err=True)
        return interrupts.status()
    with interrupts.held_back():
        save_plate(ready.plate(shown), request.path, force=request.destination.force)
    _say_saved(ready, shown, request)
    return 0


def _computed(ready: Figure, request: Output) -> list[Event]:
    """What the plate shows; each is told as soon as it is there, if to a program."""
    from impasto.cli.progress import reporter

    shown: list[Event] = []
    with reporter(ready.levels, quiet=request.quiet, as_json=request.as_json, unit="picture") as report:
        for event in ready:
            if event.step is not None:
                report.step(event.step)
            else:
                shown.append(event)
                _tell(event, request)
            interrupts.check()
    return shown


def _tell(event: Event, request: Output) -> None:
    if request.as_json:
        print(json.dumps(event.record()), flush=True)


def _show_plan(ready: Figure, request: Output) -> None:
    summary = ready.summary() | {"output": str(request.path)}
    if request.as_json:
        print(json.dumps({"event": "plan", **summary, "notes": list(ready.notes)}), flush=True)
        return
    if request.dry_run:
        click.echo(columns(summary.items()))
    for note in ready.notes if request.dry_run or not request.quiet else ():
        click.echo(f"Note: {note}", err=not request.dry_run)


def _say_saved(ready: Figure, shown: Sequence[Event], request: Output) -> None:
    if request.as_json:
        print(json.dumps({"event": "saved", "path": str(request.path)}), flush=True)
    elif not request.quiet:
        seconds = time.perf_counter() - request.began
        made = f"{len(ready.runs)} pictures made" if len(ready.runs) > 1 else f"{len(shown)} panels"
        click.echo(f"Wrote {request.path} in {seconds:.1f} s ({made})")
