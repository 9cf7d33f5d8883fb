"""One file from one mirror over HTTP: continued where it was cut, tried again while there is hope."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path

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
    with _client() as client:
        for url in urls:
            try:
                return _obtain(client, url, part, size, check=check, progress=progress)
            except (MirrorError, WeightsError) as error:
                failures.append(f"  {url}: {error}")
    raise MirrorError("\n".join(failures))


def _client() -> httpx.Client:
    """A client that follows redirections and takes bytes as they are stored."""
    return httpx.Client(
        follow_redirects=True,
        timeout=httpx.Timeout(READ_TIMEOUT, connect=CONNECT_TIMEOUT),
        headers={"User-Agent": "impasto", "Accept-Encoding": "identity"},
    )


def _obtain(
    client: httpx.Client,
    url: str,
    part: Path,
    size: int | None,
    *,
    check: Callable[[Path], str],
    progress: Progress | None,
) -> str:
    """Fill `part` from `url` and check it.  What is wrong is removed; a wrong beginning is not blamed on the mirror."""
    resumed = part.exists()
    _retrieve(client, url, part, size, progress)
    try:
        return check(part)
    except WeightsError:
        part.unlink()
        if not resumed:
            raise
    return _obtain(client, url, part, size, check=check, progress=progress)


def _retrieve(client: httpx.Client, url: str, part: Path, size: int | None, progress: Progress | None) -> None:
    """Fill `part` from `url`, as often as it takes while there is some hope.

    Raises:
        MirrorError: there is none.
    """
    failures = 0
    while True:
        before = _length(part)
        problem = _attempt(client, url, part, size, progress)
        if not problem:
            return
        failures = 1 if _length(part) > before else failures + 1
        if failures >= ATTEMPTS:
            raise MirrorError(problem)
        time.sleep(BACKOFF * 2 ** (failures - 1))


def _attempt(client: httpx.Client, url: str, part: Path, size: int | None, progress: Progress | None) -> str:
    """One transfer; the problem, if another attempt may go better.

    Raises:
        MirrorError: no attempt will.
    """
    try:
        _transfer(client, url, part, size, progress)
    except httpx.HTTPStatusError as error:
        problem = f"HTTP {error.response.status_code} {error.response.reason_phrase}".strip()
        if error.response.status_code in _PASSING:
            return problem
        raise MirrorError(problem) from error
    except httpx.UnsupportedProtocol as error:
        raise MirrorError(str(error)) from error
    except httpx.TransportError as error:
        return str(error) or type(error).__name__
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise MirrorError(str(error)) from error
    return ""


def _transfer(client: httpx.Client, url: str, part: Path, size: int | None, progress: Progress | None) -> None:
    """Ask `url` for what `part` lacks, and append it; a server that sends everything is taken at its word."""
    have = _length(part)
    if size is not None and have >= size:
        return
    headers = {"Range": f"bytes={have}-"} if have else {}
    with client.stream("GET", url, headers=headers) as response:
        if _is_whole_already(response, part, have):
            return
        response.raise_for_status()
        start, total = _extent(response, part, have)
        if size is not None and total not in (None, size):
            raise MirrorError(f"offers {total} bytes, but the published file has {size}")
        _write(response, part, start, total or size, progress)


def _is_whole_already(response: httpx.Response, part: Path, have: int) -> bool:
    """Whether a server refuses a range because nothing is missing; if it refuses for another reason, start anew."""
    if response.status_code != 416:
        return False
    if response.headers.get("Content-Range") == f"bytes */{have}":
        return True
    part.unlink(missing_ok=True)
    raise httpx.RemoteProtocolError("the server refused to continue the download")


def _extent(response: httpx.Response, part: Path, have: int) -> tuple[int, int | None]:
    """Where the body belongs in the file, and how long the whole file is."""
    if response.status_code != 206:
        length = response.headers.get("Content-Length", "")
        return 0, int(length) if length.isdigit() else None
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
    if match is None or int(match[1]) != have:
        part.unlink(missing_ok=True)
        raise httpx.RemoteProtocolError("the server sent another range than asked for")
    return have, None if match[2] == "*" else int(match[2])


def _write(response: httpx.Response, part: Path, start: int, total: int | None, progress: Progress | None) -> None:
    with part.open("ab" if start else "wb") as file:
        for chunk in response.iter_bytes():
            start += file.write(chunk)
            if total is not None and start > total:
                raise MirrorError(f"sends more than the {total} bytes there should be")
            if progress:
                progress(start, total)
        file.flush()
        os.fsync(file.fileno())


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
