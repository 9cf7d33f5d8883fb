"""What happens to a run, as messages: told by its thread, heard by any number of listeners (Server-Sent Events)."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import Any

REMEMBERED = 1000  # messages, for those who come back
SILENCE = 15.0  # seconds, after which a comment says that the connection is alive
STILL = b": still here\n\n"


@dataclass(frozen=True)
class Message:
    """The `number` of a message in its feed, from 1, what kind of event it is, and its values."""

    number: int
    event: str
    values: Mapping[str, Any]

    def encoded(self) -> bytes:
        """As Server-Sent Events have it."""
        return f"id: {self.number}\nevent: {self.event}\ndata: {json.dumps(self.values)}\n\n".encode()


class Feed:
    """The messages of one run, numbered; the latest are kept for those who come later, or come back."""

    def __init__(self) -> None:
        self._messages: deque[Message] = deque(maxlen=REMEMBERED)
        self.count = 0  # the number of the latest
        self._listeners: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}
        self._lock = Lock()
        self._closed = False

    @property
    def heard(self) -> bool:
        """Whether anybody listens."""
        return bool(self._listeners)

    def tell(self, event: str, **values: Any) -> None:
        """Add a message; from any thread."""
        with self._lock:
            self.count += 1
            self._messages.append(Message(self.count, event, values))
            self._wake()

    def close(self) -> None:
        """There will be no more: listeners hear what was told, and their streams end."""
        with self._lock:
            self._closed = True
            self._wake()

    def _wake(self) -> None:
        for news, loop in self._listeners.items():
            with suppress(RuntimeError):  # its loop has been closed
                loop.call_soon_threadsafe(news.set)

    async def listen(self, after: int | None = None) -> AsyncIterator[Message | None]:
        """The messages after that number, then those to come, until `close`; None when nothing was told for a while.

        Without a number, or with one that is not known any more, it begins with the latest.
        """
        news, loop = asyncio.Event(), asyncio.get_running_loop()
        with self._lock:
            known = after is not None and after <= self.count
            heard = after if known and after is not None else max(0, self.count - 1)
            self._listeners[news] = loop
        try:
            while True:
                news.clear()
                with self._lock:
                    new = [each for each in self._messages if each.number > heard]
                for message in new:
                    heard = message.number
                    yield message
                if not new and self._closed:
                    return
                if not new:
                    try:
                        await asyncio.wait_for(news.wait(), SILENCE)
                    except TimeoutError:
                        yield None
        finally:
            with self._lock:
                del self._listeners[news]
