"""Where a command's result goes, and what is said meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impasto.cli.terminal import loading

if TYPE_CHECKING:
    from impasto.session import Destination


@dataclass(frozen=True)
class Output:
    """Where the result goes, and what is said meanwhile.

    `closing` makes a last word of the first and the last terms.
    """

    destination: Destination
    quiet: bool = False
    as_json: bool = False
    dry_run: bool = False
    began: float = field(default_factory=time.perf_counter)
    closing: Callable[[Mapping[str, float], Mapping[str, float]], str] | None = None

    @property
    def path(self) -> Path:
        """The file that the result goes to."""
        return self.destination.path

    @property
    def tells(self) -> bool:
        """Whether a person is to be told."""
        return not (self.quiet or self.as_json)

    def wrote(self, what: str) -> str:
        """The last word: the file, the time that it took, and `what` was made."""
        return f"Wrote {self.path} in {time.perf_counter() - self.began:.1f} s ({what})"


def requested(options: dict[str, Any], inputs: Sequence[str], names: Sequence[str]) -> Output:
    """The output that the options of a command ask for; PyTorch is loaded by then.

    Without --output, the result gets a new name made of `names`.
    """
    began = time.perf_counter()
    with loading(shown=not (options["quiet"] or options["as_json"])):
        from impasto.session.destination import Destination, name_of
    name = options["output"]
    destination = Destination(
        Path(name) if name else name_of(*names),
        tuple(inputs),
        force=options["force"],
        fresh=name is None,
        save_every=options.get("save_every"),
        checkpoint=options.get("checkpoint"),
        metadata=not options.get("no_metadata", False),
        bits=int(options.get("bits", 8)),
    )
    return Output(destination.named(), options["quiet"], options["as_json"], options["dry_run"], began)
