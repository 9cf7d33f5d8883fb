"""A browser, and a studio as the command starts it; what is missing is a reason to skip."""

import json
import os
import re
import shutil
import time
from contextlib import contextmanager
from urllib.request import Request, urlopen

import pytest
from PIL import Image

import material
import warm

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "msedge")


@contextmanager
def started(folder):
    """A studio in a process of its own; its address."""
    command = ["-m", "impasto", "studio", "--port", "0", "--folder", folder]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with warm.Popen(command, stdout=warm.PIPE, text=True, env=environment) as process:
        try:
            yield re.search(r"http://\S+", process.stdout.readline())[0]
        finally:
            process.terminate()
            process.wait(60)


@pytest.fixture(scope="session")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright; scripts/test-browser installs it")
    path = os.environ.get("BROWSER_FOR_TESTS") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"needs a browser, one of {', '.join(BROWSERS)}; scripts/test-browser installs one")
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """A photograph of 128 x 96 pixels and a painting."""
    folder = tmp_path_factory.mktemp("files")
    Image.fromarray(material.content(96, 128)).save(folder / "photo.png")
    Image.fromarray(material.style(96, 128)).save(folder / "painting.png")
    return folder


@pytest.fixture(scope="session")
def studio(tmp_path_factory):
    for extra in ("starlette", "uvicorn", "python_multipart"):
        pytest.importorskip(extra, reason="needs the extra `studio`")
    with started(tmp_path_factory.mktemp("studio")) as found:
        yield found


def at_rest(address, seconds=90):
    """Stop all that another test has left: a page that opens shows what is at work, not an empty stage.

    What a page that was closed had asked for may come a moment later: it has to be quiet for that long.
    """
    home, _, token = address.partition("#")

    def ask(path, method="GET"):
        with urlopen(Request(home + path, headers={"Authorization": f"Bearer {token}"}, method=method)) as answer:
            return json.load(answer)

    until, quiet = time.monotonic() + seconds, 0
    while quiet < 3:
        left = [run for run in ask("runs") if run["state"] in ("queued", "preparing", "running")]
        assert time.monotonic() < until, f"does not stop: {left}"
        for run in left:
            ask(f"runs/{run['id']}/stop", "POST")
        quiet = 0 if left else quiet + 1
        time.sleep(0.1)


@pytest.fixture
def address(studio):
    """The address of a studio in which nothing is at work."""
    at_rest(studio)
    return studio


@pytest.fixture
def guarded(browser):
    """guarded(address, **context): a page, once it can be used, in a context that can reach nothing else.

    Errors fail the test, but for so many `refusals`, which browsers tell as errors.
    """
    opened, problems, allowed = [], [], []

    def open_(to, refusals=0, **options):
        context = browser.new_context(
            **{"viewport": {"width": 1280, "height": 800}, "locale": "en-US", "reduced_motion": "reduce", **options}
        )
        context.set_default_timeout(60_000)
        opened.append(context)
        allowed.extend(
            ["the console: Failed to load resource: the server responded with a status of 400 (Bad Request)"] * refusals
        )
        home = to.partition("#")[0]

        def go(route):
            if route.request.url.startswith((home, "blob:", "data:")):
                return route.continue_()
            problems.append(f"a request to {route.request.url}")
            return route.abort()

        context.route("**/*", go)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(f"an error: {error}"))
        page.on("console", lambda said: said.type == "error" and problems.append(f"the console: {said.text}"))
        page.goto(to)
        page.locator("body.ready").wait_for()
        return page

    yield open_
    for context in opened:
        context.close()
    assert problems == allowed


@pytest.fixture
def visit(guarded, address):
    """visit(**context): a page of the studio."""
    return lambda to=address, **options: guarded(to, **options)
