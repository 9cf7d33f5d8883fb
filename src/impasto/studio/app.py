"""The studio's HTTP interface: pictures, runs, and the page (docs/studio-api.md)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from impasto.errors import ImpastoError
from impasto.studio import form
from impasto.studio.asking import Asked, asked_for, body_of
from impasto.studio.feed import STILL
from impasto.studio.guard import Guard
from impasto.studio.job import ENDED, Job
from impasto.studio.looks import Looks
from impasto.studio.queue import FullError, NotNowError, Queue
from impasto.studio.shelf import LARGEST_VIEW, NotThereError, Sent, Shelf, view_of
from impasto.studio.subjects import Subjects
from impasto.studio.swatchbook import LARGEST, swatch
from impasto.version import __version__

if TYPE_CHECKING:
    from impasto.loading import Encoders

LARGEST_PICTURE = 64 * 2**20  # bytes
LARGEST_JSON = 2**18
_STATUS: dict[type[ImpastoError], int] = {NotThereError: 404, FullError: 409, NotNowError: 409}
_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "json": "application/json"}
_TYPES |= {"svg": "image/svg+xml", "jpg": "image/jpeg"}


def studio(
    shelf: Shelf, queue: Queue, encoders: Callable[[], Encoders], *, token: str, hosts: Callable[[str], bool]
) -> Guard:
    """All of it, guarded; `encoders` loads what paints at once, `token` and `hosts` are as `Guard` has them."""
    limited = RequestBodyLimitMiddleware(application(shelf, queue, encoders), max_body_size=LARGEST_PICTURE)
    return Guard(limited, hosts=hosts, token=token, free=lambda path: path == "/" or path.startswith("/page/"))


def application(shelf: Shelf, queue: Queue, encoders: Callable[[], Encoders]) -> Starlette:
    """The routes, and what errors become."""
    there = Handlers(shelf, queue, Looks(shelf, encoders), Subjects(shelf, encoders))
    small = [Middleware(RequestBodyLimitMiddleware, max_body_size=LARGEST_JSON)]
    files = _page()

    routes = [
        Route("/", _fixed(*files["index.html"])),
        *(Route(f"/page/{name}", _fixed(*file)) for name, file in files.items()),
        Route("/about", there.about),
        Route("/settings", there.settings),
        Route("/presets", there.presets),
        Route("/swatches", there.swatches),
        Route("/swatches/{name}.jpg", there.swatch),
        Route("/pictures", there.add_picture, methods=["POST"]),
        Route("/pictures/{id}", there.picture),
        Route("/pictures/{id}/about", there.about_picture),
        Route("/pictures/{id}/subject", there.subject, methods=["POST"], middleware=small),
        Route("/look", there.look, methods=["POST"], middleware=small),
        Route("/runs", there.runs, methods=["GET"]),
        Route("/runs", there.add_run, methods=["POST"], middleware=small),
        Route("/runs/{id}", there.run),
        Route("/runs/{id}/events", there.events),
        Route("/runs/{id}/preview/{number:int}", there.preview),
        Route("/runs/{id}/picture", there.view),
        Route("/runs/{id}/result.png", there.result),
        *(
            Route(f"/runs/{{id}}/{name}", action, methods=["POST"], middleware=small)
            for name, action in (("stop", there.stop), ("resume", there.resume), ("remove", there.remove))
        ),
    ]
    handlers: dict[Any, Any] = {ImpastoError: there.refused, HTTPException: _not_so}
    return Starlette(routes=routes, exception_handlers=handlers)


def _page() -> dict[str, tuple[bytes, str]]:
    """The page's files by their names, with their media types."""
    folder = resources.files("impasto.studio") / "page"
    files = [each for each in folder.iterdir() if each.name.rpartition(".")[2] in _TYPES]
    return {each.name: (each.read_bytes(), _TYPES[each.name.rpartition(".")[2]]) for each in files}


def _fixed(data: bytes, kind: str) -> Callable[[Request], Response]:
    return lambda request: Response(data, media_type=kind, headers={"cache-control": "no-cache"})


async def _not_so(request: Request, error: Exception) -> Response:
    problem = cast(HTTPException, error)
    return JSONResponse({"error": problem.detail}, problem.status_code, headers=problem.headers)


def _size(request: Request, most: int = LARGEST_VIEW) -> int:
    """The long side that is asked for."""
    given = request.query_params.get("size", "256")
    if not (given.isdecimal() and len(given) <= 6 and 1 <= int(given) <= most):
        raise HTTPException(400, f"size must be a number of pixels from 1 to {most}.")
    return int(given)


class Handlers:
    """What answers requests."""

    def __init__(self, shelf: Shelf, queue: Queue, looks: Looks, subjects: Subjects):
        self._shelf, self._queue, self._looks, self._subjects = shelf, queue, looks, subjects

    async def refused(self, request: Request, error: Exception) -> Response:
        """What is wrong, and what to do, of pictures and settings by their names."""
        reason = form.without_dashes(self._shelf.with_names(str(error)))
        return JSONResponse({"error": reason}, _STATUS.get(type(cast(ImpastoError, error)), 400))

    # Lists --------------------------------------------------------------------------------------------------------

    async def about(self, request: Request) -> Response:
        """Which program this is."""
        return JSONResponse({"name": "impasto", "version": __version__})

    async def settings(self, request: Request) -> Response:
        """The settings, as a recipe describes them."""
        return JSONResponse(form.settings())

    async def presets(self, request: Request) -> Response:
        """The presets with their settings."""
        return JSONResponse(form.presets())

    async def swatches(self, request: Request) -> Response:
        """The swatches' names."""
        return JSONResponse(form.drawn())

    async def swatch(self, request: Request) -> Response:
        """A swatch as JPEG."""
        data = await run_in_threadpool(swatch, request.path_params["name"], _size(request, LARGEST))
        return Response(data, media_type="image/jpeg", headers={"cache-control": "private, max-age=86400"})

    # Pictures -----------------------------------------------------------------------------------------------------

    async def add_picture(self, request: Request) -> Response:
        """Keep a picture: the field `picture` of a multipart form."""
        async with request.form(max_files=1, max_fields=4) as given:
            file = given.get("picture")
            if not isinstance(file, UploadFile):
                raise HTTPException(400, "The form has no file in its field `picture`.")
            sent = await run_in_threadpool(self._shelf.add, file.file, file.filename or "")
        made = await run_in_threadpool(self._made, sent)
        return JSONResponse({**asdict(sent), "made": made}, 201)

    def _made(self, sent: Sent) -> dict[str, Any] | None:
        """What asks for a picture again that impasto made."""
        from impasto.record import read_record

        try:
            return body_of(read_record(self._shelf.path(sent.id)), self._shelf)
        except ImpastoError:
            return None

    async def picture(self, request: Request) -> Response:
        """A picture, encoded anew."""
        data, kind = await run_in_threadpool(self._shelf.view, request.path_params["id"], _size(request))
        return Response(data, media_type=kind, headers={"cache-control": "private, max-age=86400"})

    async def about_picture(self, request: Request) -> Response:
        """What is known of a picture."""
        return JSONResponse(asdict(self._shelf[request.path_params["id"]]))

    async def subject(self, request: Request) -> Response:
        """A mask of what a picture is of, which is a picture too."""
        return JSONResponse(asdict(await run_in_threadpool(self._subjects.find, request.path_params["id"])), 201)

    # Runs ---------------------------------------------------------------------------------------------------------

    async def runs(self, request: Request) -> Response:
        """All runs, the newest first."""
        return JSONResponse([job.to_json() for job in self._queue.all()])

    async def look(self, request: Request) -> Response:
        """What a run of this may look like, painted at once; nothing while one is at work, which it would slow down."""
        asked = await self._asked(request)
        if self._queue.busy:
            return Response(status_code=204)
        return Response(await run_in_threadpool(self._looks.look, asked), media_type="image/jpeg")

    async def add_run(self, request: Request) -> Response:
        """A new run."""
        job = await run_in_threadpool(self._queue.add, await self._asked(request))
        return JSONResponse(job.to_json(), 201)

    async def _asked(self, request: Request) -> Asked:
        """The run that is asked for."""
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            raise HTTPException(415, "A run is asked for as application/json.")
        try:
            body = json.loads(await request.body())
        except (ValueError, RecursionError):
            raise HTTPException(400, "The request's body is no JSON.") from None
        return await run_in_threadpool(asked_for, body, self._shelf)

    async def run(self, request: Request) -> Response:
        """One run."""
        return JSONResponse(self._job(request).to_json())

    async def events(self, request: Request) -> Response:
        """What happens to a run, until it has ended."""
        job, last = self._job(request), request.headers.get("last-event-id", "")
        after = int(last) if last.isdecimal() and len(last) < 12 else None
        return StreamingResponse(_told(job, after), media_type="text/event-stream")

    async def preview(self, request: Request) -> Response:
        """The latest preview, which is the one of this number or a later one."""
        job, number = self._job(request), request.path_params["number"]
        if not 1 <= number <= job.previews.number:
            raise HTTPException(404, "There is no such preview yet.")
        return Response(job.previews.data, media_type="image/jpeg")

    async def view(self, request: Request) -> Response:
        """The result, small."""
        job = self._job(request)
        self._check(job.result)
        data, kind = await run_in_threadpool(view_of, job.result, _size(request))
        return Response(data, media_type=kind)

    async def result(self, request: Request) -> Response:
        """The result's file, with the record of how it was made; with `bits=16` the deep one."""
        job = self._job(request)
        files = {"8": job.result, "16": job.deep}
        path = files.get(request.query_params.get("bits", "8"))
        if path is None:
            raise HTTPException(400, "bits must be 8 or 16.")
        self._check(path)
        return FileResponse(path, media_type="image/png", filename=f"impasto-{job.id}.png")

    async def stop(self, request: Request) -> Response:
        """Stop a run."""
        return JSONResponse(self._queue.stop(request.path_params["id"]).to_json())

    async def resume(self, request: Request) -> Response:
        """Go on with a run."""
        return JSONResponse(self._queue.resume(request.path_params["id"]).to_json())

    async def remove(self, request: Request) -> Response:
        """Forget a run."""
        await run_in_threadpool(self._queue.remove, request.path_params["id"])
        return Response(status_code=204)

    def _job(self, request: Request) -> Job:
        return self._queue[request.path_params["id"]]

    def _check(self, result: Path) -> None:
        if not result.is_file():
            raise HTTPException(404, "This run has no picture yet.")


async def _told(job: Job, after: int | None) -> AsyncIterator[bytes]:
    """A run's messages as Server-Sent Events: how it stands, then what happens, until it has ended."""
    async for message in job.feed.listen(after):
        yield STILL if message is None else message.encoded()
        if message and message.number == job.feed.count and message.values.get("state") in ENDED:
            return
