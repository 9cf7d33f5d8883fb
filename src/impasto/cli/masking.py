"""Masks that are found in the photograph, `subject` and `auto:N`, and written beside the result."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impasto.cli.output import PIPE, Output
from impasto.cli.terminal import loading, say
from impasto.errors import UsageError
from impasto.torchrun import launched

if TYPE_CHECKING:
    from PIL import Image

Named = tuple[str, str, str | None]  # the mask of a region, its style, and the style's mask
SUBJECT, AUTO = "subject", "auto:"
_EDIT = "Look at it, edit it, and name it as the mask from then on."


def is_file(mask: str | None) -> bool:
    """Whether a mask is given, and is a file."""
    return bool(mask) and mask != SUBJECT and not str(mask).startswith(AUTO)


def is_there(mask: str) -> bool:
    """Whether there is such a file or folder, or the mask is found."""
    return not is_file(mask) or os.path.exists(mask)  # noqa: PTH110 - Path.exists raises where that may not be known


def check_named(keep: Iterable[str], regions: Iterable[str] = ()) -> None:
    """Raise UsageError for a mask without a name, or with nearly that of one that is found, and for two of --keep."""
    kept = list(keep)
    if len(kept) > 1:
        raise UsageError(f"--keep is {' and '.join(kept)}; give one mask, which is white wherever something is kept.")
    if "" in kept:
        raise UsageError("--keep is empty; name a mask, such as face.png.")
    for mask in kept:
        _check_near(mask, {SUBJECT: "--keep subject"})
        if mask.startswith(AUTO):
            raise UsageError(f"--keep is {mask}, but parts are for regions. Name a file, or subject.")
    for mask in regions:
        _check_near(mask, {SUBJECT: "--region subject=STYLE", "auto": "--region auto:3=STYLE"})


def _check_near(mask: str, options: Mapping[str, str]) -> None:
    """Raise UsageError for no file whose name is nearly a word of those that `options` have."""
    word = re.split(r"[\W\d]", mask.lower(), maxsplit=1)[0]
    near = get_close_matches(word, options, n=1, cutoff=0.7)
    if near and "." not in mask and not is_there(mask):
        raise UsageError(f"There is no file {mask}. Did you mean {options[near[0]]}?")


@contextmanager
def found(
    photograph: str, keep: str | None, regions: Sequence[Named], output: Output, device: str
) -> Iterator[tuple[Any, list[Any]]]:
    """`keep` and `regions` with the files of masks that were found, or in a dry run with these themselves.

    Within the block it is tried whether the run is possible; if it fails, the files are as they were before.

    Raises:
        UsageError: there is no place for the files, or they are there; or there are more regions than parts.
    """
    parts = [mask for mask, *_ in regions if mask.startswith(AUTO)]
    of_subject = SUBJECT in (keep, *(mask for mask, *_ in regions))
    if not of_subject and not parts:
        yield keep, list(regions)
        return
    count = _count(parts) if parts else 0
    paths = [_beside(output.path, f"region-{i}") for i in range(1, len(parts) + 1)]
    beside = _beside(output.path, SUBJECT)
    _check(photograph, [beside] * of_subject + paths, output)
    with loading(shown=not (output.quiet or output.as_json)):
        from impasto.painter import Painter

        painter = Painter(device)
        masks = painter.find_parts(photograph, count) if parts else []
        subject = painter.find_subject(photograph) if of_subject else None
    if len(masks) < len(parts):
        raise UsageError(f"{photograph} has {len(masks)} parts that differ; ask for no more.")
    with ExitStack() as undo:
        files = iter([_written(mask, path, output, undo) for mask, path in zip(masks, paths, strict=False)])
        guess = None if subject is None else _written(subject, beside, output, undo)

        def mask_for(name: str) -> Any:
            return guess if name == SUBJECT else next(files) if name.startswith(AUTO) else name

        yield keep and mask_for(keep), [(mask_for(mask), *rest) for mask, *rest in regions]
        undo.pop_all()
    if not (output.quiet or output.as_json or output.dry_run):
        for path in (*paths, *[beside] * of_subject):
            say(f"Note: the mask that was guessed is in {path}. {_EDIT}")


def _count(parts: Sequence[str]) -> int:
    """How many parts there are to be.

    Raises:
        UsageError: that is no number, not always the same, or less than the regions.
    """
    (number, *others) = sorted({part.removeprefix(AUTO) for part in parts})
    if others or not re.fullmatch(r"[1-9]\d{0,2}", number):
        said = ", ".join(dict.fromkeys(parts))
        raise UsageError(f"--region has {said}; it must be auto:N=STYLE, as auto:3=a.jpg, with one N throughout.")
    if len(parts) > int(number):
        raise UsageError(f"--region auto:{number}=STYLE divides into {number} parts, but there are {len(parts)} of it.")
    return int(number)


def _beside(result: Path, name: str) -> Path:
    return result.with_name(f"{result.stem}-{name}.png")


def _check(photograph: str, paths: Sequence[Path], output: Output) -> None:
    """Raise UsageError unless the masks can be found and written."""
    if photograph == PIPE or output.piped:
        raise UsageError("A mask that is found is written beside the result, so name files: photo.jpg ... -o out.png.")
    if launched():
        raise UsageError("Find masks in one process first, without torchrun; then name their files.")
    output.destination.check()
    for path in paths:
        if path.exists() and not output.destination.force:
            raise UsageError(f"{path} exists already. Name it as the mask to use it, or find it anew with --force.")


def _written(mask: Image.Image, path: Path, output: Output, undo: ExitStack) -> Any:
    """The path of a mask that is written there, unless that is to `undo`; in a dry run the mask."""
    from io import BytesIO

    from impasto.files import output_errors, write_atomically

    if output.dry_run:
        return mask
    data = BytesIO()
    mask.save(data, "PNG")
    with output_errors(path):
        if path.exists():
            undo.callback(write_atomically, path, path.read_bytes())
        else:
            undo.callback(path.unlink, missing_ok=True)
        write_atomically(path, data.getvalue())
    return str(path)
