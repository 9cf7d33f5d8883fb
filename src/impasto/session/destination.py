"""Where a run's pictures go."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from impasto.errors import UsageError
from impasto.files import reserved, reserved_new, unused
from impasto.images import check_encoding, check_output
from impasto.sources import source_name


@dataclass(frozen=True)
class Destination:
    """The file that a run writes, and those beside it.

    * `path` may not be one of `inputs`, nor exist, unless `force` is set.
    * `fresh` is a name that nobody asked for, which gives way to NAME-2.png, NAME-3.png, ...; `base` is it unnumbered.
    * `save_every` so many evaluations a picture is saved as NAME-0050.png, NAME-0100.png, ...
    * `checkpoint` is the folder to keep the state in; without, that of a long run is kept beside `path`.
    * `metadata` is whether the pictures tell how they were made, `bits` how many a channel of the result has.
    """

    path: Path
    inputs: tuple[str, ...] = ()
    force: bool = False
    fresh: bool = False
    base: Path | None = None
    save_every: int | None = None
    checkpoint: str | None = None
    metadata: bool = True
    bits: int = 8

    def check(self) -> None:
        """Make sure that the result can be written, before any work starts.

        Raises:
            UsageError, OutputError: it cannot, or not without overwriting what is there.
        """
        for source in self.inputs:
            if not self.force and self.path.is_file() and Path(source).is_file() and self.path.samefile(source):
                raise UsageError(
                    f"{self.path} is itself one of the images to read. Choose another name for the result, "
                    "or overwrite it with --force."
                )
        check_output(self.path, force=self.force)
        check_encoding(self.path.suffix, bits=self.bits)

    def named(self) -> Destination:
        """The same, a fresh name numbered if there is such a file."""
        return replace(self, path=unused(self.path), base=self.path) if self.fresh else self

    @contextmanager
    def reserved(self) -> Iterator[Destination]:
        """Within the block, the `path` of what it gives is this run's, and the result can be written there.

        Raises:
            UsageError, OutputError: as `check`; another run is going to write there.
        """
        self.check()
        name = self.base or self.path
        with (reserved_new if self.fresh else reserved)(name) as path:
            destination = replace(self, path=path)
            destination.check()
            yield destination


def name_of(*sources: str) -> Path:
    """CONTENT-STYLE.png in the current folder, of the names of files."""
    return Path("-".join(map(source_name, sources)) + ".png")
