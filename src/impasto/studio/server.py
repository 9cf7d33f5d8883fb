"""The studio as a process: an address, printed at once; PyTorch is loaded while the browser opens it."""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
import socket
import threading
import webbrowser
from collections.abc import Callable
from contextlib import closing, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from platformdirs import user_data_path
from starlette.types import ASGIApp

from impasto.errors import UsageError
from impasto.files import InUseError, Lock
from impasto.studio.app import studio
from impasto.studio.guard import trusted
from impasto.studio.queue import Queue
from impasto.studio.shelf import Shelf

if TYPE_CHECKING:
    from impasto.loading import Encoders

TOKEN = "IMPASTO_STUDIO_TOKEN"  # noqa: S105 - the variable's name
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared, not bound
_SOMEWHERE = "192.0.2.1"  # which nobody has (RFC 5737)
MOST_REQUESTS = 64  # at a time


class AddressError(UsageError):
    """An address that cannot be listened to."""


class PortError(AddressError):
    """A port that others have."""


def usual_folder() -> Path:
    """Where pictures and runs are kept unless another folder is named."""
    return user_data_path("impasto", appauthor=False) / "studio"


def serve(host: str, port: int, folder: Path, tell: Callable[[str, str], None], *, opens: bool = False) -> None:
    """Serve until a signal ends it, and open a browser if `opens`.

    `tell` is told the address, and the one for other computers; nothing if there is none, or it is the same.

    Raises:
        AddressError: the address is in use, or cannot be had.
        UsageError: the folder is.
    """
    token = os.environ.get(TOKEN) or secrets.token_urlsafe(24)
    # A loop that a signal ends while it is made complains: it is made before anybody knows of a server to be ended.
    with closing(asyncio.new_event_loop()) as loop, listening(host, port) as socket_, _locked(folder):
        port, others = socket_.getsockname()[1], name_elsewhere(host)
        address = f"http://{_shown(host)}:{port}/#{token}"
        tell(address, f"http://{_shown(others)}:{port}/#{token}" if others else "")
        shelf = Shelf(folder / "pictures")
        queue = Queue(folder / "runs", shelf, encoders)
        threading.Thread(target=encoders, name="impasto-loading", daemon=True).start()
        queue.start()
        if opens:
            webbrowser.open(address)
        app = studio(shelf, queue, encoders, token=token, hosts=trusted(host))
        try:
            Server(quiet(app), queue, lambda: loop).run(sockets=[socket_])
        finally:
            queue.close()


class Server(uvicorn.Server):
    """A server that ends its queue before itself, so that whoever listens hears how a run was left."""

    def __init__(
        self,
        config: uvicorn.Config,
        queue: Queue,
        loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
    ):
        super().__init__(config)
        self._queue, self._loop = queue, loop

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until a signal ends it, even before it has begun: then nothing is left that waits to be awaited."""
        serving = self.serve(sockets)
        try:
            with asyncio.Runner(loop_factory=self._loop) as runner:
                runner.run(serving)
        finally:
            serving.close()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop the run at work, then serving."""
        await asyncio.to_thread(self._queue.close)
        await super().shutdown(sockets=sockets)


def quiet(app: ASGIApp) -> uvicorn.Config:
    """How the application is served: it logs nothing but what is wrong, and takes so many requests at a time."""
    return uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        lifespan="off",
        ws="none",
        limit_concurrency=MOST_REQUESTS,
        timeout_graceful_shutdown=1,
    )


_loading = threading.Lock()


def encoders() -> Encoders:
    """The networks, which are loaded once; those of the default at once, as most runs take them."""
    with _loading:
        return _encoders()


@cache
def _encoders() -> Encoders:
    from impasto import preparation, session  # noqa: F401 - what every run needs
    from impasto.loading import Encoders
    from impasto.recipe import Recipe

    loaded = Encoders(download=False)
    loaded.load(Recipe())
    return loaded


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        AddressError: it cannot be had; PortError: as others have the port.
    """
    kind = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(kind, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named, or asyncio lets answers wait for more
    if os.name != "nt":  # where it would let two programs have one port
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host.strip("[]"), port))
        made.listen(128)
    except OSError as problem:
        made.close()
        reason = problem.strerror or str(problem)
        if problem.errno in (errno.EADDRINUSE, errno.EACCES):
            raise PortError(f"{host}, port {port}: {reason}. Choose another --port, or 0 for any.") from problem
        raise AddressError(f"{host}: {reason}. Name an address of this computer: --host 127.0.0.1") from problem
    return made


def name_elsewhere(host: str) -> str:
    """This computer's number in its network, for a server that listens to all of them; else nothing.

    The system is asked which number of its own it would take for a way out; nothing is sent for that.
    """
    if host not in EVERYWHERE:
        return ""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way, suppress(OSError):
        way.connect((_SOMEWHERE, 9))
        return str(way.getsockname()[0])
    return ""


def _locked(folder: Path) -> Lock:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return Lock(folder / "lock")
    except InUseError:
        raise UsageError(f"Another studio is at work in {folder}. Use that one, or name another --folder.") from None
    except OSError as problem:
        raise UsageError(f"{folder}: {problem.strerror}. Name another --folder.") from problem


def _shown(host: str) -> str:
    """A host as an address has it; whoever listens everywhere is at home too."""
    named = "127.0.0.1" if host in EVERYWHERE else host
    return f"[{named}]" if ":" in named else named
