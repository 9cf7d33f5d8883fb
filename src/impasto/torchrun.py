"""What `torchrun` tells the processes that it starts, in their environment, and what they tell it of their end."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from pathlib import Path


def local_rank() -> int | None:
    """The number of this process among those that `torchrun` started on this machine; None for a process alone."""
    alone = int(os.environ.get("WORLD_SIZE", "1")) == 1
    return None if alone else int(os.environ.get("LOCAL_RANK", "0"))


def launched() -> bool:
    """Whether `torchrun`, or what sets the same variables, started this process beside others."""
    return "RANK" in os.environ and local_rank() is not None


def helps() -> bool:
    """Whether this process helps the first of all, which writes."""
    return launched() and os.environ["RANK"] != "0"


def speaks() -> bool:
    """Whether this process tells what all on its machine find: the first of them does, and a process alone."""
    return not launched() or local_rank() == 0


def last_words(text: str) -> None:
    """Let `torchrun`, which ends its own report with what it is told here, end it with `text`."""
    if file := os.environ.get("TORCHELASTIC_ERROR_FILE"):
        told = {"message": text, "extraInfo": {"timestamp": str(int(time.time()))}}
        with suppress(OSError):
            Path(file).write_text(json.dumps({"message": told}), encoding="utf-8")
