"""An HTTP server that lies in a way drawn for each request (see attack.py)."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from impasto.encoders import download, registry, transfer
from impasto.errors import WeightsError

SURVIVED, PLAIN = "survived", "plain"
CONTENT = random.Random(0).randbytes(300_000)


class Liar(BaseHTTPRequestHandler):
    """Answers `/honest` as it should, and anything else as `chance` has it."""

    protocol_version = "HTTP/1.1"
    chance = random.Random(0)

    def do_GET(self) -> None:
        start = int(self.headers.get("Range", "bytes=0-")[6:-1])
        size, body, chance = len(CONTENT), CONTENT[start:], self.chance
        headers = {"Content-Range": f"bytes {start}-{size - 1}/{size}"} if start else {}
        status = 206 if start else 200
        if not self.path.startswith("/honest"):
            number = chance.choice([start, start + 1, 0, 1, size, -1, 2**63, 10**300, "9" * 4000, "x", "", "*"])
            last, of = chance.choice([number, size - 1, 9]), chance.choice([size, number, "*"])
            lies = {
                "Content-Range": f"bytes {number}-{last}/{of}",
                "Content-Length": str(chance.choice([len(body), number])),
                "Content-Encoding": "gzip",
                "Location": chance.choice(["/other", "ftp://x/", "http://[", "//", "/" * 999]),
                "Transfer-Encoding": "chunked",
            }
            told = {name: value for name, value in lies.items() if chance.random() < 0.25}
            headers |= {"Location": told["Location"]} if "Location" in told else told
            status = chance.choice([status, status, 200, 206, 416, 302, 204, 404, 503])
            body = chance.choice([body, CONTENT, body[: chance.randrange(size)], bytes(len(body)), b"<html>", body * 2])
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)
        self.close_connection = self.close_connection or self.chance.random() < 0.5

    def log_message(self, *_: object) -> None:
        pass


def mirrors(args: argparse.Namespace, base: Path) -> Iterator[tuple[str, str, float, float]]:
    """A lying mirror, and after every second an honest one."""
    name, digest = "vgg19.torchvision", hashlib.sha256(CONTENT).hexdigest()
    known = registry.REGISTRY[name]
    os.environ["IMPASTO_CACHE"] = str(base / "cache")
    transfer.BACKOFF, transfer.TIMEOUT, transfer.STRIDE = 0.001, 0.3, 1 << 12
    Liar.chance = random.Random(args.seed)
    with ThreadingHTTPServer(("127.0.0.1", 0), Liar) as server:
        server.handle_error = lambda *_: None
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        for number in range(max(1, args.count // 10)):
            size = len(CONTENT) if number % 4 < 2 else None
            known = replace(known, size=size, sha256=digest, sha256_prefix=None, md5=None)
            registry.REGISTRY = {name: known}
            urls = [f"{url}/liar", f"{url}/honest"][: 1 + number % 2]
            began = time.perf_counter()
            try:
                path = download.fetch(name, urls=urls, force=True)
                came = SURVIVED if path.read_bytes() == CONTENT else "altered"
            except WeightsError as error:
                came = PLAIN if len(urls) == 1 else f"other error: the honest mirror was not asked: {error}"
            except Exception as error:
                came = f"other error: {type(error).__name__}: {error}"
            seconds = time.perf_counter() - began
            yield "mirrors", came if seconds < args.seconds else "hang", seconds, 0.0
        server.shutdown()
