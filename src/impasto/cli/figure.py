"""`impasto figure`, `impasto sheet`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any

import click
import cloup

from impasto.cli import interrupts, options
from impasto.cli.completion import picture
from impasto.cli.group import Group
from impasto.cli.options import NAMES, NUMBERS, Decorator, debug_option, flag
from impasto.cli.output import Output, requested
from impasto.cli.running import prepared
from impasto.cli.words import words
from impasto.presets.own import STUDY
from impasto.quantities import counted
from impasto.recipe import SETTINGS, Recipe
from impasto.tasks.reconstruct import reconstruction_of

_TWO = {"content": "The photograph: an image file.", "style": "An image file, or swatch:NAME to have one drawn."}
_ONE = {"image": "The picture to look at: an image file, or swatch:NAME."}
_FILE = "The figure; its ending sets the format: png, pdf or svg.  [default: a new {}.png here]"
_OVER = "Any other setting and values of it, as colors=style,content; once for each setting."
_RATIOS = "Content weights, as multiples of the preset's.  [default: 0.01,0.1,1,10]"


@cloup.group(cls=Group)
@debug_option
def figure() -> None:
    """Draw the papers' figures, with pictures of your own.

    The ending of OUT sets the format: png, pdf or svg.
    """


def from_noise(base: Recipe) -> Recipe:
    """`base` beginning with noise."""
    return replace(base, init="random")


def _add(
    name: str,
    about: str,
    *look: Decorator,
    pictures: Mapping[str, str] = _TWO,
    iterations: str = "",
    of: Callable[[Recipe], Recipe] = from_noise,
) -> None:
    """Add the command of a figure that is made of `pictures`, names of arguments with their help.

    `look` are its options beside those of every figure. `of` makes its recipe of the preset. Without `iterations`, the
    default in words, nothing is optimised, and no preset asked for.
    """

    def command(**given: Any) -> int:
        sources = [given.pop(each) for each in pictures]
        recipe, _ = options.asked_recipe(given, of)
        return _draw(requested(given, sources, (*sources, name)), name, *sources, recipe, **given)

    examples = " ".join("painting.jpg" if each == "style" else "photo.jpg" for each in pictures)
    size = flag("size", "192", help="Long side of each picture in pixels.")
    method = [options.preset_option(STUDY.name)] if iterations else []
    without = ["levels"] if iterations else options.OPTIMISATION
    decorators = [
        figure.command(name, help=about, epilog=f"Example:  impasto figure {name} {examples} -o figure.png"),
        *(cloup.argument(each, help=text) for each, text in pictures.items()),
        cloup.option_group("Look", *look, *method, size),
        options.recipe_options(STUDY, without=without, iterations=iterations),
        options.file_options(options.output_option(_FILE.format("-".join([*map(str.upper, pictures), name])))),
    ]
    options.stacked(*decorators)(command)


def _draw(output: Output, name: str, *of: Any, **given: Any) -> int:
    """Prepare the figure of that name and make it; the exit code.  Nothing is written before it is whole."""
    from impasto.cli.drawing import drawing, print_record, show_plan
    from impasto.session import Planned, Stepped
    from impasto.tasks import figures

    figures.check_drawing(output.path, force=True)
    output.destination.check_overwritten()
    figure = prepared(partial(getattr(figures, f"prepare_{name}"), *of, **given), output)
    if output.dry_run:
        show_plan(figure, output)
        return 0
    shown = []
    try:
        with closing(drawing(output, "picture")) as draw:
            draw(Planned(figure))
            for event in figure:
                if event.step:
                    draw(Stepped(event.step))
                else:
                    shown.append(event)
                    if output.as_json:
                        print_record(**event.record())
                interrupts.check()
    except KeyboardInterrupt:
        click.echo("Interrupted; the figure was not drawn.", err=True)
        return interrupts.status()
    with interrupts.held_back():
        figures.save_plate(figure.plate(shown), output.path, force=output.destination.force)
    if output.as_json:
        print_record("saved", path=str(output.path))
    elif not output.quiet:
        made = f"{len(figure.runs)} pictures made" if len(figure.runs) > 1 else counted(len(shown), "panel")
        click.echo(output.wrote(made))
    return 0


_add(
    "representations",
    """Show CONTENT as five layers see it, and STYLE as ever more layers see it.

    Figure 1 of Gatys, Ecker and Bethge 2015: every picture is made from noise.
    """,
    cloup.option(
        "--convention",
        metavar="YEAR",
        default="2015",
        help="Layers of the content: 2015, conv1_1 to conv5_1, or 2016, conv1_2 to conv5_2.  [default: 2015]",
    ),
    iterations="300",
    of=reconstruction_of,
)
_add(
    "tradeoff",
    """Show transfers side by side: rows of ever more style layers, columns of ever more content.

    Figure 3 of Gatys, Ecker and Bethge 2015: every picture begins with noise.
    """,
    cloup.option("--ratios", type=NUMBERS, default="0.01,0.1,1,10", help=_RATIOS),
    flag("levels"),
    iterations="210",
)
_add(
    "layers",
    """Show what it means to take the content from a low layer or from a high one.

    Figure 5 of Gatys, Ecker and Bethge 2016: every picture begins with noise.
    """,
    cloup.option("--layers", type=NAMES, help="Content layers, one transfer each.  [default: relu2_2,relu4_2]"),
    flag("style_layers"),
    flag("levels"),
    iterations="210",
)
_add(
    "progress",
    "Show a transfer after 0, 1, 2, 5, 10, ... evaluations, and its loss.",
    flag("init", "random", metavar="WAY", help="What to begin with: random, matched, content, gray or style."),
    flag("content_layers"),
    flag("style_layers"),
    iterations="500",
)
_add(
    "features",
    "Show the feature maps of layers and their Gram matrices.",
    cloup.option("--layers", "style_layers", type=NAMES, help="Layers to show.  [default: relu1_1 to relu5_1]"),
    *options.flags(STUDY, "device"),
    pictures=_ONE,
    of=partial(reconstruction_of, representation="style"),
)


# A sheet of transfers, which no paper has ---------------------------------------------------------------------------

_SHEETS = """\b
Examples:
  impasto sheet photo.jpg a.jpg b.jpg --strength 0.3,0.5,0.7
  impasto sheet photo.jpg swatch:cubism --preset fast,best
  impasto sheet photo.jpg a.jpg --over colors=style,content
"""


@cloup.command(epilog=_SHEETS)
@cloup.argument("content", help="The photograph: an image file.", shell_complete=picture)
@options.styles_argument("STYLE...", required=True)
@cloup.option_group(
    "Grid (a row for each style, a column for each value)",
    options.flag("strength", "0.5", type=NUMBERS),
    options.flag("style_scale", "1", type=NUMBERS),
    options.preset_option("default", type=NAMES),
    cloup.option("--over", type=options.Varied(), multiple=True, help=_OVER),
)
@cloup.option_group("Look", flag("size", "256", help="Long side of each picture in pixels."))
@options.recipe_options(Recipe())
@options.file_options(options.output_option(_FILE.format("CONTENT-sheet")))
def sheet(content: str, named: tuple[str, ...], **given: Any) -> int:
    """Paint CONTENT in every STYLE with several settings, side by side."""
    over = {name: given.pop(name) for name in ("preset", "strength", "style_scale") if given[name]}
    over |= dict(given.pop("over"))
    settings = {name: given.pop(name) for name in [*given] if name in SETTINGS}
    recipes = {}
    for values in product(*over.values()):
        varied = dict(zip(over, values, strict=True))
        title = (name for name in over if len(over[name]) > 1)
        label = ", ".join(f"{name.replace('_', ' ')} {words(varied[name])}" for name in title)
        recipes[label], _ = options.asked_recipe(settings | varied)
    output = requested(given, (content, *named), (content, "sheet"))
    return _draw(output, "sheet", content, named, recipes)
