"""The studio, measured: its start, its first preview, an instant look, previews, what it refuses, what it adds.

    python benchmarks/studio.py                       # all of it, with a synthetic photograph
    python benchmarks/studio.py --photo photo.jpg start preview look cost hostile size

Each line has the figure and, in brackets, what it is to be. Needs the extra `studio`; the machine should be idle.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

import httpx
import numpy as np
import psutil
from PIL import Image

TOKEN = "a-token-of-benchmarks"
ADDED = ("starlette", "uvicorn", "python-multipart")


def say(text: str) -> None:
    print(text, flush=True)


@contextmanager
def served() -> Iterator[tuple[httpx.Client, psutil.Process, float]]:
    """A studio in a process of its own, a client that has the token, and the seconds until it printed its address."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "IMPASTO_STUDIO_TOKEN": TOKEN, "PYTHONUNBUFFERED": "1"}
        command = [sys.executable, "-m", "impasto", "studio", "--port", "0", "--folder", folder]
        began = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
            try:
                address = re.search(r"http://[\w.:]+", process.stdout.readline())[0]
                seconds = time.perf_counter() - began
                headers = {"authorization": f"Bearer {TOKEN}"}
                with httpx.Client(base_url=address, headers=headers, timeout=300) as client:
                    yield client, psutil.Process(process.pid), seconds
            finally:
                process.terminate()
                process.wait(20)


def photograph(path: str | None) -> bytes:
    """The bytes of the photograph that is given, or of one with broad and fine forms, 1536 x 1024."""
    if path:
        return Path(path).read_bytes()
    y, x = np.mgrid[:1024, :1536] / 1024
    waves = [np.sin(9 * x + k) * np.cos(7 * y - k) + 0.3 * np.sin(90 * x * y + k) for k in range(3)]
    file = io.BytesIO()
    Image.fromarray(np.uint8(127 + 60 * np.stack(waves, -1))).save(file, "JPEG", quality=92)
    return file.getvalue()


def sent(client: httpx.Client, data: bytes) -> str:
    return client.post("/pictures", files={"picture": ("photo.jpg", data)}).json()["id"]


def messages(client: httpx.Client, id: str) -> Iterator[tuple[str, dict]]:
    with client.stream("GET", f"/runs/{id}/events") as answer:
        event = ""
        for line in answer.iter_lines():
            if line.startswith("event: "):
                event = line[7:]
            elif line.startswith("data: "):
                yield event, json.loads(line[6:])


def start(photo: bytes) -> None:
    times = []
    for _ in range(5):
        with served() as (_, _, seconds):
            times.append(seconds)
    say(f"start: the address after {statistics.median(times):.2f} s, slowest {max(times):.2f} s  [2]")


def preview(photo: bytes) -> None:
    """From the press of the button to the bytes of the first preview, at 512 pixels."""
    with served() as (client, process, _):
        body = {"content": sent(client, photo), "styles": ["swatch:brushstrokes"], "settings": {"size": 512}}
        for what in ("as soon as the page is there", "once everything is loaded", "again"):
            began, stopping = time.perf_counter(), None
            id = client.post("/runs", json=body).json()["id"]
            for event, data in messages(client, id):
                if event == "step" and data["preview"] and stopping is None:
                    client.get(f"/runs/{id}/preview/{data['preview']}").raise_for_status()
                    say(f"preview: the first after {time.perf_counter() - began:.2f} s, {what}  [3]")
                    client.post(f"/runs/{id}/stop")
                    stopping = time.perf_counter()
                if event == "state" and data["state"] == "stopped":
                    say(f"stop: the picture is kept after {time.perf_counter() - stopping:.2f} s  [0.5]")
        others = [each for each in process.net_connections() if each.raddr and each.raddr.ip != "127.0.0.1"]
        say(f"sockets: {len(others)} to elsewhere  [0]")


def look(photo: bytes) -> None:
    """An instant look, again and again of other styles; and what a run's plan takes that is made before it waits."""
    with served() as (client, process, _):
        id = sent(client, photo)
        styles = ("mosaic", "brushstrokes", "woodcut", "pastel", "batik", "mosaic")
        clock, spent = [], []
        for style in styles:
            before, began = process.cpu_times(), time.perf_counter()
            body = {"content": id, "styles": [f"swatch:{style}"]}
            client.post("/look", json=body).raise_for_status()
            clock.append(time.perf_counter() - began)
            after = process.cpu_times()
            spent.append(after.user + after.system - before.user - before.system)
        say(f"look: {statistics.median(clock[1:]):.2f} s, {statistics.median(spent[1:]):.2f} of processors  [0.5]")
        times = []
        for _ in range(6):
            began = time.perf_counter()
            body = {"content": id, "styles": ["swatch:mosaic"], "settings": {"memory": "1MB"}}
            assert client.post("/runs", json=body).status_code == 400
            times.append(time.perf_counter() - began)
        say(f"plan: what cannot be painted is refused after {statistics.median(times[1:]):.2f} s  [0.5]")


def cost(photo: bytes, pairs: int) -> None:
    """A run at 512 pixels, its previews timed; and pairs of runs with and without a listener, if there are any."""
    from impasto import prepare
    from impasto.studio.previews import Previews

    previews, spent, began = Previews(), 0.0, time.perf_counter()
    run = prepare(Image.open(io.BytesIO(photo)), "swatch:brushstrokes", size=512)
    for step in run:
        before = time.perf_counter()
        previews.make(run, step)
        spent += time.perf_counter() - before
    share = 100 * spent / (time.perf_counter() - began)
    say(f"cost: {share:.2f} % of a run's time goes into its {previews.number} previews  [2]")
    if pairs:
        paired(photo, pairs)


def paired(photo: bytes, pairs: int) -> None:
    """Runs at 512 pixels with and without a listener who takes every preview, in turn."""
    ratios = []
    with served() as (client, _, _):
        body = {"content": sent(client, photo), "styles": ["swatch:brushstrokes"], "settings": {"size": 512}}

        def seconds(heard: bool) -> float:
            id = client.post("/runs", json=body).json()["id"]
            seen = 0
            for event, data in messages(client, id) if heard else ():
                if event == "step" and data["preview"] > seen:
                    seen = data["preview"]
                    client.get(f"/runs/{id}/preview/{seen}")
            while client.get(f"/runs/{id}").json()["state"] != "done":
                time.sleep(0.2)
            return client.get(f"/runs/{id}").json()["step"]["seconds"]

        seconds(False)
        for i in range(pairs):
            order = (False, True) if i % 2 else (True, False)
            took = {heard: seconds(heard) for heard in order}
            ratios.append(took[True] / took[False])
    spread = ", ".join(f"{100 * (ratio - 1):+.1f}" for ratio in sorted(ratios))
    say(
        f"cost: {100 * (statistics.median(ratios) - 1):+.1f} % with a listener, median of {pairs} pairs ({spread})  [2]"
    )


def bomb(side: int) -> bytes:
    """A PNG file of some bytes that says it has side x side pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = side.to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


def hostile_requests(id: str, small: bytes) -> Iterator[tuple[str, dict]]:
    """(what it is, arguments of httpx.Client.request)"""
    form = {"content-type": "multipart/form-data; boundary=b"}
    kind = {"content-type": "application/json"}
    for host in (
        "evil.example",
        "127.0.0.1.evil.example",
        "0.0.0.0",
        "[::2]",
        "192.168.0.9",
        "localhost.evil.example:80",
    ):
        yield f"Host {host}", {"method": "GET", "url": "/runs", "headers": {"host": host}}
    for origin in ("http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1"):
        yield f"Origin {origin}", {"method": "POST", "url": "/runs", "json": {}, "headers": {"origin": origin}}
    for site in ("cross-site", "same-site"):
        yield (
            f"Sec-Fetch-Site {site}",
            {"method": "POST", "url": "/runs", "json": {}, "headers": {"sec-fetch-site": site}},
        )
    for token in ("", "Bearer", "Bearer x", f"Basic {TOKEN}"):
        yield f"Authorization {token[:9]}", {"method": "GET", "url": "/runs", "headers": {"authorization": token}}
    for content in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"):
        yield (
            f"a run as {content}",
            {"method": "POST", "url": "/runs", "content": b"{}", "headers": {"content-type": content}},
        )
    yield "65 MB", {"method": "POST", "url": "/pictures", "content": bytes(65 * 2**20), "headers": form}
    yield (
        "65 MB in pieces",
        {"method": "POST", "url": "/pictures", "content": (bytes(2**20) for _ in range(65)), "headers": form},
    )
    yield "65 MB of JSON", {"method": "POST", "url": "/runs", "content": b"[" + b" " * 65 * 2**20, "headers": kind}
    yield (
        "5,000 fields",
        {
            "method": "POST",
            "url": "/pictures",
            "data": {f"f{i}": "x" for i in range(5000)},
            "files": {"picture": small},
        },
    )
    yield "two files", {"method": "POST", "url": "/pictures", "files": [("picture", small)] * 2}
    for path in (
        "/pictures/../../etc/passwd",
        "/pictures/..%2f..%2fetc%2fpasswd",
        "/runs/%2e%2e/result.png",
        f"/pictures/{'x' * 5000}",
        "/page/..%2fapp.py",
    ):
        yield path[:40], {"method": "GET", "url": path}
    for name, data in (
        ("truncated PNG", small[:50]),
        ("a bomb of 900 megapixels", bomb(30_000)),
        ("a bomb of 10,000 megapixels", bomb(100_000)),
        ("SVG", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("nothing", b""),
        ("a pickle", b"\x80\x04\x95\x05"),
    ):
        yield name, {"method": "POST", "url": "/pictures", "files": {"picture": ("x.png", data)}}
    base = {"content": id, "styles": ["swatch:mosaic"]}
    for name, more in (
        ("a weight file", {"weights": "/etc/passwd"}),
        ("a beginning", {"init": "/etc/passwd"}),
        ("a strength of 7", {"strength": 7}),
        ("a milestone", {"milestones": {"file": "../x"}}),
    ):
        yield f"settings: {name}", {"method": "POST", "url": "/runs", "json": base | {"settings": more}}
    yield "JSON 100,000 deep", {"method": "POST", "url": "/runs", "content": b"[" * 100_000, "headers": kind}
    yield "PUT", {"method": "PUT", "url": "/runs"}


def hostile(photo: bytes) -> None:
    file = io.BytesIO()
    Image.new("RGB", (40, 40), "teal").save(file, "PNG")
    with served() as (client, process, _):
        id = sent(client, file.getvalue())
        body = {"content": id, "styles": ["swatch:mosaic"], "settings": {"size": 64, "iterations": 2}}
        run = client.post("/runs", json=body).json()["id"]  # so that all that a run needs is loaded
        while client.get(f"/runs/{run}").json()["state"] != "done":
            time.sleep(0.2)
        before, most, slowest, count, wrong = process.memory_info().rss, 0, ("", 0.0), 0, []
        for name, request in hostile_requests(id, file.getvalue()):
            began = time.perf_counter()
            try:
                status = client.request(**request).status_code
            except httpx.WriteError:  # it had answered, and closed, before all was sent
                status = 413
            seconds, count = time.perf_counter() - began, count + 1
            slowest = max(slowest, (name, seconds), key=lambda each: each[1])
            most = max(most, process.memory_info().rss)
            wrong += [] if 400 <= status < 500 and seconds < 1 else [f"{name}: {status} in {seconds:.2f} s"]
        with socket.create_connection((client.base_url.host, client.base_url.port)) as line:
            said = f"POST /pictures HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {TOKEN}\r\n"
            said += "content-length: 2000000000\r\n"
            line.sendall(f"{said}content-type: multipart/form-data; boundary=b\r\n\r\n".encode())
            status, count = line.recv(100).split()[1].decode(), count + 1
            wrong += [] if status == "413" else [f"2 GB declared: {status}"]
        alive = client.get("/about").status_code == 200
        say(f"hostile: {count} requests, {len(wrong)} not refused in a second  [40; 0] {'; '.join(wrong)}")
        say(f"hostile: the slowest took {slowest[1]:.2f} s ({slowest[0]}); alive after them: {alive}  [1]")
        say(f"hostile: {(most - before) / 1e6:.0f} MB on top of the {before / 1e6:.0f} MB that a run leaves  [400]")


def size(photo: bytes) -> None:
    total = 0
    for name in ADDED:
        files = [each for each in metadata.files(name) or [] if each.suffix != ".pyc"]
        total += sum(Path(each.locate()).stat().st_size for each in files if Path(each.locate()).is_file())
    page = Path(__file__).parents[1] / "src" / "impasto" / "studio" / "page"
    own = sum(file.stat().st_size for file in page.iterdir())
    say(f"size: {len(ADDED)} packages, {total / 1e6:.1f} MB; the page is {own / 1e3:.0f} kB  [4; 5]")


WHAT = {"start": start, "preview": preview, "look": look, "cost": cost, "hostile": hostile, "size": size}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", choices=[*WHAT, []], help="what to measure; all without any")
    parser.add_argument("--photo", help="a photograph; else one is made")
    parser.add_argument("--pairs", type=int, default=4, help="of runs with and without a listener")
    given = parser.parse_args()
    photo = photograph(given.photo)
    for name in given.what or WHAT:
        WHAT[name](photo, given.pairs) if name == "cost" else WHAT[name](photo)


if __name__ == "__main__":
    main()
