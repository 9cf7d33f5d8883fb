"""`impasto transfer`, `impasto texture`, `impasto reconstruct`: what each makes, and how its options look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click
import cloup

from impasto.choices import ORIGINAL
from impasto.cli import options
from impasto.cli.completion import picture
from impasto.cli.group import Group
from impasto.cli.masking import check_named, is_there
from impasto.cli.running import make
from impasto.cli.terminal import columns
from impasto.errors import UsageError
from impasto.presets.own import STUDY
from impasto.recipe import Recipe
from impasto.settings import EVALUATIONS
from impasto.tasks.reconstruct import LAYERS, reconstruction_of
from impasto.tasks.texture import texture_of

# Transfer -----------------------------------------------------------------------------------------------------------

_TRANSFER = Recipe()
_TRANSFERS = """\b
Examples:
  impasto transfer photo.jpg painting.jpg -o out.png
  impasto transfer photo.jpg swatch:mosaic --strength 0.7
  impasto transfer photo.jpg -s a.jpg -s b.jpg
  impasto transfer photo.jpg a.jpg --region sky.png=b.jpg
"""
_REST = "*"


def transfer_options(
    files: options.Decorator, *look: options.Decorator, whose: str = "photograph"
) -> options.Decorator:
    """The options of a command that paints photographs; `look` come before the others that shape the result.

    `whose` size is the usual one, if that is less.
    """
    size = f"{{recipe.usual_size}}, or the {whose}'s own if that is less"
    shaping = options.flags(
        _TRANSFER, "strength", "size", "colors", "style_weights", "style_scale", "init", "wrap", size=size
    )
    evaluations = EVALUATIONS + "; {recipe.blank_schedule.evaluations} from noise"
    method = options.method_of(_TRANSFER)
    return options.picture_options(_TRANSFER, files, [*look, *shaping], method, iterations=evaluations)


texture_options: list[options.Decorator] = [
    cloup.option(
        "--texture",
        multiple=True,
        metavar="STYLE",
        help="A style for the fine strokes; the coarse ones and the colors stay those of the others.",
        shell_complete=picture,
    ),
    *options.flags(_TRANSFER, "texture_up_to"),
]


def one_texture(textures: Sequence[str], given: Mapping[str, Any]) -> str | None:
    """The style of the fine strokes, if there is one.

    Raises:
        UsageError: there are several, or only its layers are `given`; or it has no name.
    """
    if given["texture_up_to"] and not textures:
        raise UsageError("--texture-up-to says how deep the layers of --texture go; give both.")
    if len(textures) > 1:
        raise UsageError(f"--texture is {' and '.join(textures)}; give one style, whose fine strokes are taken.")
    if "" in textures:
        raise UsageError("--texture is empty; name a style, such as painting.jpg.")
    return next(iter(textures), None)


@cloup.command(epilog=_TRANSFERS)
@cloup.argument("content", help="The photograph: an image file, or - for standard input.", shell_complete=picture)
@options.styles_argument()
@transfer_options(
    options.result_options("a new CONTENT-STYLE.png here"),
    options.style_option(),
    options.instant_option,
    cloup.option(
        "--region",
        "regions",
        multiple=True,
        metavar="MASK=STYLE",
        help="A style for where MASK is white, as sky.png=a.jpg; sky.png=a.jpg:part.png for a part of the style; "
        "auto:3=a.jpg, once for each part from the top, for one of 3 parts that are guessed; subject=a.jpg.",
    ),
    cloup.option(
        "--keep",
        multiple=True,
        metavar="MASK",
        help="Leave what is white in MASK as it is; subject to have that guessed, as OUT-subject.png to be edited.",
        shell_complete=picture,
    ),
    *texture_options,
)
def transfer(
    content: str,
    named: tuple[str, ...],
    styles: tuple[str, ...],
    regions: tuple[str, ...],
    keep: tuple[str, ...],
    texture: tuple[str, ...],
    **given: Any,
) -> int:
    """Paint the photograph CONTENT in the style of the picture STYLE.

    Ctrl-C stops early and saves the picture so far. `impasto batch` paints many photographs.
    """
    fine = one_texture(texture, given)
    apart = [region_of(each) for each in regions]
    check_named(keep, (mask for mask, *_ in apart))
    rest = [style for mask, style, _ in apart if mask == _REST]
    there = [each for each in apart if each[0] != _REST]
    meant = () if apart and not named and not styles else styles_of(named, styles, given, content)
    return make(given, content, (*meant, *rest), regions=there, keep=next(iter(keep), None), texture=fine)


def region_of(text: str) -> tuple[str, str, str | None]:
    """The mask, the style and the mask of the style that MASK=STYLE[:MASK] says.

    The mask ends at the first = before which is a file, or a word for a mask; where none is, at the first.

    Raises:
        UsageError: it says none.
    """
    ends = [i for i, letter in enumerate(text) if letter == "="] or [len(text)]
    end = next((i for i in ends if is_there(text[:i])), ends[0])
    mask, rest = text[:end], text[end + 1 :]
    if not mask or not rest:
        raise UsageError(f"--region is {text!r}; it must be MASK=STYLE, as sky.png=painting.jpg.")
    style, _, inside = rest.rpartition(":")
    if not style or not (Path(inside).is_file() or Path(style).is_file()):
        return mask, rest, None
    if not inside:
        raise UsageError(f"--region is {text!r}; name a mask of the style after the colon, or leave the colon out.")
    if mask == _REST:
        raise UsageError(f"--region is {text!r}; the style of the rest has no mask of its own. Leave :{inside} out.")
    return mask, style, inside


def styles_of(
    named: tuple[str, ...], styles: tuple[str, ...], given: Mapping[str, Any], content: str = ""
) -> tuple[str, ...]:
    """The styles: those `named` as arguments, which are one unless their weights are `given`, and those of -s.

    Raises:
        UsageError: it is not plain that there are to be several.
        click.MissingParameter: there is none.
    """
    ctx = click.get_current_context()
    if not named and not styles:
        raise click.MissingParameter(ctx=ctx, param=next(each for each in ctx.command.params if each.name == "named"))
    if len(named) > 1 and not given["style_weights"]:
        if misplaced := next((name for name in named if name.startswith("-")), ""):
            raise UsageError(f"{misplaced} stands after --, and so it is no option. Options come before --.")
        photograph = f"{content} is the photograph, and " if content else ""
        most = " ".join(f"-s {name}" for name in named[:3]) + (" ..." if len(named) > 3 else "")
        blend = f"To blend them: {' '.join(filter(None, (ctx.command_path, content, most)))}."
        many = f" To paint many photographs: impasto batch {content} ... -s STYLE -o FOLDER." if content else ""
        raise UsageError(f"{photograph}{len(named)} styles follow, {named[0]} to {named[-1]}. {blend}{many}")
    return (*named, *styles)


# Texture ------------------------------------------------------------------------------------------------------------

_TEXTURE = texture_of(Recipe())
_OWN_SIZE = f"the style image's own, its long side at most {_TEXTURE.usual_size}"
_SIDES = "Width and height of the result in pixels; one number for a square; original."
_STROKES = "Size of the strokes; 1 is as in the style image, 2 twice as large."
_TEXTURES = """\b
Examples:
  impasto texture painting.jpg -o out.png --size 1024x768
  impasto texture swatch:marbling --size 512x512 --tileable
"""


@cloup.command(epilog=_TEXTURES)
@options.styles_argument()
@options.picture_options(
    _TEXTURE,
    options.result_options("a new STYLE-texture.png here"),
    [
        options.style_option(),
        options.flag("size", _OWN_SIZE, type=options.Size(1, ORIGINAL), metavar="WxH", help=_SIDES),
        options.flag("tileable"),
        *options.flags(_TEXTURE, "style_weights"),
        options.flag("style_scale", options.default_of(_TEXTURE, "style_scale"), help=_STROKES),
        options.flag("init", _TEXTURE.init, metavar="WAY", help="What to begin with: random, gray or style."),
    ],
    options.method_of(_TEXTURE),
)
def texture(named: tuple[str, ...], styles: tuple[str, ...], **given: Any) -> int:
    """Make a texture of the picture STYLE, at any size.

    It has the style's colors, strokes and motifs, and nothing of its arrangement. Ctrl-C stops early and saves the
    picture so far.
    """
    return make(given, None, styles_of(named, styles, given), texture_of, kind="texture")


# Reconstruction -----------------------------------------------------------------------------------------------------

_RECONSTRUCTION = reconstruction_of(STUDY)
_IMAGES = "{recipe.usual_size}, or the image's own if that is less"


@cloup.group(cls=Group)
@options.debug_option
def reconstruct() -> None:
    """Show what layers know of a picture, from noise.

    A picture is made that has the content, or the style, which the layers see. This is how the papers show that deep
    layers hold a picture's content, and that Gram matrices hold its style.
    """


def _reconstruction(representation: str, *more: options.Decorator) -> options.Decorator:
    layers = f"Names, or name=weight.  [default: {','.join(LAYERS[representation])}]"
    look = [
        cloup.option("--layers", "--layer", type=options.NAMES, help=layers),
        *options.flags(_RECONSTRUCTION, "size", size=_IMAGES),
        options.flag("noise", f"1/{1 / _RECONSTRUCTION.noise:.0f}"),
        *more,
    ]
    image = cloup.argument(
        "image", help="The picture to look at: an image file, or swatch:NAME.", shell_complete=picture
    )
    files = options.result_options(f"a new IMAGE-{representation}.png here")
    return options.stacked(
        image, options.picture_options(_RECONSTRUCTION, files, look, iterations="{recipe.schedule.evaluations}")
    )


@reconstruct.command(epilog="Example:  impasto reconstruct content photo.jpg --layer relu4_2 -o out.png")
@_reconstruction("content")
def content(image: str, layers: tuple[str, ...] | None, **given: Any) -> int:
    """Bring the features of layers back into a picture.

    Beginning with noise, the squared error between its features and those of IMAGE is minimised.
    """
    of = partial(reconstruction_of, representation="content", layers=layers)
    return make(given, image, (), of, kind="content", closing=reductions)


@reconstruct.command(epilog="Example:  impasto reconstruct style painting.jpg --layers relu1_1,relu2_1 -o out.png")
@_reconstruction("style", options.flag("style_loss", _RECONSTRUCTION.style_loss))
def style(image: str, layers: tuple[str, ...] | None, **given: Any) -> int:
    """Bring the Gram matrices of layers back into a picture.

    Beginning with noise, the squared error between its Gram matrices and those of IMAGE is minimised.
    """
    of = partial(reconstruction_of, representation="style", layers=layers)
    return make(given, None, (image,), of, kind="style", closing=reductions)


def reductions(first: Mapping[str, float], last: Mapping[str, float]) -> str:
    """How far each term has come, as `content/relu4_2  0.597 -> 0.007  -98.8 %`."""
    both = [(name, first[name], value) for name, value in last.items() if first[name] > 0]
    return columns((name, f"{old:.4g} -> {new:.4g}  {100 * (new - old) / old:+.2f} %") for name, old, new in both)
