"""Where a command's result goes, a file or standard output, and what is said meanwhile."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impasto import swatches
from impasto.choices import SWATCH
from impasto.cli.terminal import loading
from impasto.errors import OutputError, UsageError
from impasto.files import missing
from impasto.quantities import duration

if TYPE_CHECKING:
    from impasto.session import Destination

Closing = Callable[[Mapping[str, float], Mapping[str, float]], str]
PIPE = "-"
_STANDARD_OUTPUT = Path("standard output.png")


@dataclass(frozen=True)
class Output:
    """Where the result goes, and what is said meanwhile.

    `closing` makes a last word of the first and the last terms. `piped` is whether it goes to standard output, as PNG,
    and nothing else does.
    """

    destination: Destination
    quiet: bool = False
    as_json: bool = False
    dry_run: bool = False
    began: float = field(default_factory=time.perf_counter)
    closing: Closing | None = None
    piped: bool = False

    @property
    def path(self) -> Path:
        """The file that the result goes to."""
        return self.destination.path

    @property
    def name(self) -> str:
        """What a person calls that."""
        return _STANDARD_OUTPUT.stem if self.piped else str(self.path)

    def wrote(self, what: str) -> str:
        """The last word: the file, the time that it took, and `what` was made."""
        return f"Wrote {self.name} in {duration(time.perf_counter() - self.began)} ({what})"

    @contextmanager
    def reserved(self) -> Iterator[Output]:
        """Within the block, the `path` of what it gives is this run's.

        For standard output that is a file in a new folder, which is passed on in the end; a checkpoint beside it stays.

        Raises:
            UsageError, OutputError: it cannot be written.
        """
        if not self.piped:
            with self.destination.reserved() as destination:
                yield replace(self, destination=destination)
            return
        if sys.stdout.isatty():
            raise UsageError("-o - writes an image file to standard output, which is a terminal. Add > out.png.")
        folder = Path(tempfile.mkdtemp(prefix="impasto-"))
        path = folder / "result.png"
        try:
            yield replace(self, destination=replace(self.destination, path=path), quiet=True)
        except OutputError as error:
            error.args = (str(error).replace(str(path), self.name.capitalize()),)
            raise
        finally:
            if path.is_file():
                _pass_on(path)
            with suppress(OSError):
                folder.rmdir()


def _pass_on(path: Path) -> None:
    """Write the file to standard output; where that fails it stays, and the error tells where."""
    try:
        sys.stdout.buffer.write(path.read_bytes())
        sys.stdout.buffer.flush()
    except OSError as error:
        error.add_note(f"The picture is in {path} instead.")
        raise
    path.unlink()


def requested(
    options: dict[str, Any], inputs: Sequence[str], names: Sequence[str], *, may_be_piped: bool = False
) -> Output:
    """The output that the options of a command ask for, which are taken out of them; PyTorch is loaded by then.

    Without --output, the result gets a new name made of `names`. If it `may_be_piped`, - is standard output.

    Raises:
        MissingFileError: an input is not there.
        UsageError: something else is to go to standard output.
    """
    began, name = time.perf_counter(), options.pop("output")
    for each in inputs:
        if not (each == PIPE or each.startswith(SWATCH) or "\0" in each or os.path.lexists(each)):
            raise missing(each, swatches.names())
    quiet, as_json, dry_run = (options.pop(each) for each in ("quiet", "as_json", "dry_run"))
    with loading(shown=not (quiet or as_json)):
        from impasto.session.destination import Destination, name_of
    piped = may_be_piped and name == PIPE
    metadata = not options.pop("no_metadata", False)
    destination = Destination(
        _STANDARD_OUTPUT if piped else Path(name) if name else name_of(*names),
        tuple(inputs),
        force=options.pop("force") or piped,
        fresh=name is None,
        save_every=options.pop("save_every", None),
        checkpoint=options.pop("checkpoint", None),
        metadata=metadata,
        bits=int(options.pop("bits", 8)),
        exif=options.pop("keep_exif", None) or ("safe" if metadata else "none"),
    )
    if piped and (as_json or destination.save_every):
        raise UsageError("-o - writes the result to standard output, where --json and --save-every have no place.")
    return Output(destination.named(), quiet, as_json, dry_run, began, piped=piped)
