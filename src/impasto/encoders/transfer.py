"""One file from one mirror over HTTP: continued where it was cut, tried again while there is hope."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import httpx

from impasto.errors import WeightsError

ATTEMPTS = 3  # per mirror, counted anew whenever some bytes arrive
BACKOFF = 0.5  # seconds before the second attempt, doubled before each further one
CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 30.0
_PASSING = {408, 425, 429, 500, 502, 503, 504}  # answers of a server that may do better in a moment

Progress = Callable[[int, int | None], None]


class MirrorError(Exception):
    """A mirror that does not give the file; the message says why."""


def download_first(
    urls: Iterable[str], part: Path, size: int | None, check: Callable[[Path], str], progress: Progress | None = None
) -> str:
    """Fill `part` from the first of `urls` that gives a file which passes `check`; return what `check` returns.

    Raises:
        MirrorError: none does; the message has a line per mirror.
    """
    failures = []
    timeout = httpx.Timeout(READ_TIMEOUT, connect=CONNECT_TIMEOUT)
    headers = {"User-Agent": "impasto", "Accept-Encoding": "identity"}  # bytes as they are stored
    with httpx.Client(follow_redirects=True, timeout=timeout, headers=headers) as client:
        for url in urls:
            try:
                return Transfer(client, url, part, size, progress or _nobody).obtain(check)
            except (MirrorError, WeightsError) as error:
                failures.append(f"  {url}: {error}")
    raise MirrorError("\n".join(failures))


def _nobody(done: int, total: int | None) -> None:
    """Who is not told of the progress."""


@dataclass(frozen=True)
class Transfer:
    """The way of one file from `url` into `part`.  `size` is how long it must be, if that is known."""

    client: httpx.Client
    url: str
    part: Path
    size: int | None
    progress: Progress

    def obtain(self, check: Callable[[Path], str]) -> str:
        """Fill `part` and check it.  What is wrong is removed; a wrong beginning is not blamed on the mirror.

        Raises:
            MirrorError: the mirror does not give the file.
            WeightsError: it gives another one.
        """
        resumed = self.part.exists()
        self._retrieve()
        try:
            return check(self.part)
        except WeightsError:
            self.part.unlink()
            if not resumed:
                raise
        return self.obtain(check)

    def _retrieve(self) -> None:
        """Fill `part`, as often as it takes while there is some hope."""
        failures = 0
        while True:
            before = self._have()
            try:
                return self._transfer()
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                failures = 1 if self._have() > before else failures + 1
                if failures >= ATTEMPTS or not _may_pass(error):
                    raise MirrorError(_reason(error)) from error
            time.sleep(BACKOFF * 2 ** (failures - 1))

    def _transfer(self) -> None:
        """Ask for what `part` lacks, and append it; a server that sends everything is taken at its word."""
        have = self._have()
        if self.size is not None and have >= self.size:
            return
        headers = {"Range": f"bytes={have}-"} if have else {}
        with self.client.stream("GET", self.url, headers=headers) as response:
            if response.status_code == 416 and response.headers.get("Content-Range") == f"bytes */{have}":
                return  # nothing is missing
            if response.status_code == 416:
                self._begin_anew("the server refused to continue the download")
            response.raise_for_status()
            start, total = self._extent(response, have)
            if self.size is not None and total not in (None, self.size):
                raise MirrorError(f"offers {total} bytes, but the published file has {self.size}")
            self._write(response, start, total or self.size)

    def _extent(self, response: httpx.Response, have: int) -> tuple[int, int | None]:
        """Where the body belongs in the file, and how long the whole file is."""
        if response.status_code != 206:
            length = response.headers.get("Content-Length", "")
            return 0, int(length) if length.isdigit() else None
        match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if match is None or int(match[1]) != have:
            self._begin_anew("the server sent another range than asked for")
        return have, None if match[2] == "*" else int(match[2])

    def _begin_anew(self, reason: str) -> NoReturn:
        self.part.unlink(missing_ok=True)
        raise httpx.RemoteProtocolError(reason)

    def _write(self, response: httpx.Response, start: int, total: int | None) -> None:
        with self.part.open("ab" if start else "wb") as file:
            for chunk in response.iter_bytes():
                start += file.write(chunk)
                if total is not None and start > total:
                    raise MirrorError(f"sends more than the {total} bytes there should be")
                self.progress(start, total)
            file.flush()
            os.fsync(file.fileno())

    def _have(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0


def _may_pass(error: Exception) -> bool:
    """Whether another attempt may go better."""
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code in _PASSING
    return isinstance(error, httpx.TransportError) and not isinstance(error, httpx.UnsupportedProtocol)


def _reason(error: Exception) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        return f"HTTP {error.response.status_code} {error.response.reason_phrase}".strip()
    return str(error) or type(error).__name__
