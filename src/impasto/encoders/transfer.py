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

ATTEMPTS = 3  # per mirror, counted anew whenever it has come further than ever by `STRIDE`
STRIDE = 1 << 16  # bytes
MOST = 1 << 30  # bytes of a file whose size nobody knows; the largest VGG has 575 MB
BACKOFF = 0.5  # seconds before the second attempt, doubled before each further one
TIMEOUT = httpx.Timeout(30.0, connect=10.0)
_PASSING = {408, 425, 429, 500, 502, 503, 504}  # answers of a server that may do better in a moment


def download_first(
    urls: Iterable[str],
    part: Path,
    size: int | None,
    check: Callable[[Path], str],
    progress: Callable[[int, int | None], None] | None,
) -> str:
    """Fill `part` from the first of `urls` that gives a file which passes `check`; return what `check` returns.

    Raises:
        WeightsError: none does; the message has a line per mirror.
    """
    failures = []
    headers = {"User-Agent": "impasto", "Accept-Encoding": "identity"}  # bytes as they are stored
    with httpx.Client(follow_redirects=True, timeout=TIMEOUT, headers=headers) as client:
        for url in urls:
            try:
                return Transfer(client, url, part, size, progress).obtain(check)
            except WeightsError as error:
                failures.append(f"  {url}: {error}")
    raise WeightsError("\n".join(failures))


@dataclass(frozen=True)
class Transfer:
    """The way of one file from `url` into `part`.  `size` is how long it must be, if that is known."""

    client: httpx.Client
    url: str
    part: Path
    size: int | None
    progress: Callable[[int, int | None], None] | None

    def obtain(self, check: Callable[[Path], str]) -> str:
        """Fill `part` and check it.  What is wrong is removed; a wrong beginning is not blamed on the mirror.

        Raises:
            WeightsError: the mirror does not give the file, or gives another one.
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
        failures, furthest = 0, self._have()
        while True:
            try:
                return self._transfer(self._have())
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                failures += 1
                if self._have() >= furthest + STRIDE:
                    failures, furthest = 1, self._have()
                passing, reason = _diagnosed(error)
                if failures >= ATTEMPTS or not passing:
                    raise WeightsError(reason) from error
            time.sleep(BACKOFF * 2 ** (failures - 1))

    def _transfer(self, have: int) -> None:
        """Ask for what `part` lacks, and append it; a server that sends everything is taken at its word."""
        if self.size is not None and have >= self.size:
            return
        headers = {"Range": f"bytes={have}-"} if have else {}
        with self.client.stream("GET", self.url, headers=headers) as response:
            extent = response.headers.get("Content-Range", "")
            if response.status_code == 416:
                if extent == f"bytes */{have}":
                    return  # nothing is missing
                self._begin_anew("the server refused to continue the download")
            response.raise_for_status()
            start, length = 0, response.headers.get("Content-Length", "")
            if response.status_code == 206:
                match = re.fullmatch(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)", extent)
                if match is None or int(match[1]) != have:
                    self._begin_anew("the server sent another range than asked for")
                start, length = have, match[2]
            total = int(length) if re.fullmatch(r"\d{1,18}", length) else self.size
            if self.size not in (None, total):
                raise WeightsError(f"offers {total} bytes, but the published file has {self.size}")
            if (total or 0) > MOST:
                raise WeightsError(f"offers {total} bytes, far more than weights have")
            self._write(response, start, total)

    def _begin_anew(self, reason: str) -> NoReturn:
        self.part.unlink(missing_ok=True)
        raise httpx.RemoteProtocolError(reason)

    def _write(self, response: httpx.Response, start: int, total: int | None) -> None:
        with self.part.open("ab" if start else "wb") as file:
            for chunk in response.iter_bytes():
                start += file.write(chunk)
                if start > (MOST if total is None else total):
                    raise WeightsError(f"sends more than the {total or MOST} bytes there should be")
                if self.progress:
                    self.progress(start, total)
            file.flush()
            os.fsync(file.fileno())

    def _have(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0


def _diagnosed(error: Exception) -> tuple[bool, str]:
    """Whether another attempt may go better, and what went wrong."""
    if isinstance(error, httpx.HTTPStatusError):
        status = error.response.status_code
        return status in _PASSING, f"HTTP {status} {error.response.reason_phrase}".strip()
    passing = isinstance(error, httpx.TransportError) and not isinstance(error, httpx.UnsupportedProtocol)
    return passing, str(error) or type(error).__name__
