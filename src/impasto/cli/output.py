"""Where a command's result goes, and what is said meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    def chatty(self) -> bool:
        """Whether a person is to be told."""
        return not (self.quiet or self.as_json)


def requested(settings: dict[str, Any], inputs: Sequence[str], names: Sequence[str], began: float) -> Output:
    """The output that the options of a command ask for, which are taken out of `settings`.

    Without a name, the result gets a new one made of `names`.
    """
    from impasto.session.destination import Destination, name_of

    def taken(*options: str) -> dict[str, Any]:
        return {name: settings.pop(name) for name in options if name in settings}

    name = settings.pop("output")
    destination = Destination(
        Path(name) if name else name_of(*names),
        tuple(inputs),
        fresh=name is None,
        metadata=not settings.pop("no_metadata", False),
        bits=int(settings.pop("bits", 8)),
        **taken("force", "save_every", "checkpoint"),
    )
    return Output(destination.named(), began=began, **taken("quiet", "as_json", "dry_run"))
