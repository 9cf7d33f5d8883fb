"""A studio on a port of its own, in a folder of its own, and a client that has the token.

Where the extra `studio` is missing, whoever imports this is skipped.
"""

import io
import json
import threading
import time

import httpx
import numpy as np
import pytest
from PIL import Image

for part in ("starlette", "uvicorn", "python_multipart"):
    pytest.importorskip(part, reason="needs the extra `studio`")

TOKEN = "a-token-of-tests"
QUICK = {"size": 64, "iterations": 6}


def png(pixels):
    """The bytes of a PNG file."""
    file = io.BytesIO()
    Image.fromarray(np.asarray(pixels, np.uint8)).save(file, "PNG")
    return file.getvalue()


class Studio:
    """A studio and its client; `again` is another one on the same folder, as after a restart."""

    def __init__(self, folder, *, works=True):
        import uvicorn

        from impasto.studio.app import studio
        from impasto.studio.guard import trusted
        from impasto.studio.queue import Queue
        from impasto.studio.server import encoders, listening, quiet
        from impasto.studio.shelf import Shelf

        self.folder = folder
        self.shelf = Shelf(folder / "pictures")
        self.queue = Queue(folder / "runs", self.shelf, encoders)
        self.works = works
        if works:
            self.queue.start()
        app = studio(self.shelf, self.queue, encoders, token=TOKEN, hosts=trusted("127.0.0.1"))
        socket = listening("127.0.0.1", 0)
        self.server = uvicorn.Server(quiet(app))
        self.thread = threading.Thread(target=lambda: self.server.run(sockets=[socket]))
        self.thread.start()
        self.address = f"http://127.0.0.1:{socket.getsockname()[1]}"
        self.stranger = httpx.Client(base_url=self.address)
        self.client = httpx.Client(base_url=self.address, headers={"authorization": f"Bearer {TOKEN}"}, timeout=60)

    def send(self, data, name="photo.png"):
        answer = self.client.post("/pictures", files={"picture": (name, data)})
        assert answer.status_code == 201, answer.text
        return answer.json()

    def run(self, body):
        answer = self.client.post("/runs", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def job(self, id):
        return self.client.get(f"/runs/{id}").json()

    def events(self, id, **headers):
        """All messages until the run has ended, as (number, event, data)."""
        text = self.client.get(f"/runs/{id}/events", headers=headers).text
        found = []
        for part in text.strip().split("\n\n"):
            fields = dict(line.split(": ", 1) for line in part.splitlines())
            found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
        return found

    def ended(self, id, seconds=60):
        """The run once it has ended."""
        return self.until(id, lambda job: job["state"] in ("done", "stopped", "failed"), seconds)

    def until(self, id, so, seconds=60):
        end = time.monotonic() + seconds
        while not so(job := self.job(id)):
            assert time.monotonic() < end, job
            time.sleep(0.01)
        return job

    def pixels(self, id, bits=8):
        return np.asarray(Image.open(io.BytesIO(self.client.get(f"/runs/{id}/result.png?bits={bits}").content)))

    def close(self):
        self.stranger.close()
        self.client.close()
        self.server.should_exit = True
        self.thread.join(10)
        if self.works:
            self.queue.close()
