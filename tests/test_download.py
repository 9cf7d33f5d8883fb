"""Downloads against a server of our own: cut, resumed, refused, mirrored, concurrent; never a wrong file is kept."""

import contextlib
import errno
import hashlib
import json
import re
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from impasto.encoders import download, registry, transfer, verification
from impasto.encoders.registry import cache_folder, cached_path, weight_path
from impasto.errors import MissingFileError, UnknownNameError, WeightsError

NAME = "vgg19.torchvision"
CONTENT = b"impasto " * 150_000  # 1.2 MB
SOURCE = replace(
    registry.REGISTRY[NAME],
    size=len(CONTENT),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    sha256_prefix=None,
    md5=hashlib.md5(CONTENT, usedforsecurity=False).hexdigest(),
)


class Handler(BaseHTTPRequestHandler):
    """Serves CONTENT under any path; the path says with which misbehaviour."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        start = int(re.sub(r"\D", "", self.headers.get("Range", "0")))
        self.server.requests.append((self.path, start))
        times = sum(path == self.path for path, _ in self.server.requests)
        if self.path.startswith("/missing"):
            self.answer(404, b"<html>no</html>")
        elif self.path.startswith("/busy") and times < 3:
            self.answer(503, b"")
        elif self.path.startswith("/moved"):
            self.answer(302, b"", Location="/file")
        elif self.path.startswith("/page"):
            self.answer(200, b"<html>sign in</html>")
        elif self.path.startswith("/wrong"):
            self.serve(bytes(len(CONTENT)), start)
        elif self.path.startswith("/deaf"):
            self.answer(200, CONTENT)
        elif self.path.startswith("/elsewhere") and start and times < 3:
            self.answer(206, CONTENT, **{"Content-Range": f"bytes 0-{len(CONTENT) - 1}/{len(CONTENT)}"})
        elif self.path.startswith("/unsatisfied") and start:
            self.answer(416, b"", **{"Content-Range": "bytes */7"})
        elif self.path.startswith("/endless"):
            self.chunked(CONTENT + b"more")
        elif self.path.startswith("/liar"):
            self.answer(206 if start else 200, CONTENT, len(CONTENT) // 2, **{"Content-Range": "bytes 0-9/1200000"})
        elif self.path.startswith("/drip"):
            self.serve(CONTENT, start, cut=1)
        elif self.path.startswith("/digits"):
            self.answer(206, CONTENT[start:], **{"Content-Range": f"bytes {start}-9/{'9' * 5000}"})
        elif self.path.startswith("/cut"):
            self.serve(CONTENT, start, cut=len(CONTENT) // 3)
        else:
            self.serve(CONTENT, start)

    def serve(self, content, start, cut=None):
        if not start:
            return self.answer(200, content, cut)
        span = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return self.answer(206, content[start:], cut, **{"Content-Range": span})

    def answer(self, status, body, cut=None, **headers):
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body[:cut])
        if cut is not None and len(body) > cut:
            self.close_connection = True

    def chunked(self, body):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))

    def log_message(self, *_):
        pass


@pytest.fixture(autouse=True)
def small_file(tmp_path, monkeypatch):
    """The registry with a small file under a real name, and caches of our own."""
    for variable in ("IMPASTO_CACHE", "TORCH_HOME", "KERAS_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.lower(), raising=False)
    monkeypatch.setattr(transfer, "BACKOFF", 0.001)
    entries = {**registry.REGISTRY, NAME: SOURCE}
    for module in (registry, verification):
        monkeypatch.setattr(module, "REGISTRY", entries)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Say nothing when a client hangs up."""


@pytest.fixture
def server():
    with Server(("127.0.0.1", 0), Handler) as server:
        server.requests = []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        server.url = f"http://127.0.0.1:{server.server_port}"
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def closed_port():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}/file"


def fetch(*urls, **settings):
    return download.fetch(NAME, urls=urls, **settings)


def part():
    return cached_path(SOURCE).with_name(SOURCE.file_name + ".part")


def begin(content):
    part().parent.mkdir(parents=True, exist_ok=True)
    part().write_bytes(content)


def test_download(server):
    seen = []
    path = fetch(f"{server.url}/file", progress=lambda done, total: seen.append((done, total)))
    assert path == weight_path(NAME) == cache_folder() / SOURCE.file_name
    assert path.read_bytes() == CONTENT
    assert not part().exists()
    assert seen == sorted(seen)
    assert seen[-1] == (len(CONTENT), len(CONTENT))


def test_a_second_fetch_asks_nobody_and_hashes_nothing(server, monkeypatch):
    fetch(f"{server.url}/file")
    monkeypatch.setattr(verification, "check", None)
    assert fetch("http://nowhere.invalid/file") == cached_path(SOURCE)
    assert len(server.requests) == 1


def test_force_downloads_again(server):
    fetch(f"{server.url}/file")
    fetch(f"{server.url}/file", force=True)
    assert len(server.requests) == 2


def test_force_keeps_the_old_file_when_the_new_one_is_wrong(server):
    fetch(f"{server.url}/file")
    with pytest.raises(WeightsError):
        fetch(f"{server.url}/wrong", force=True)
    assert cached_path(SOURCE).read_bytes() == CONTENT


def test_a_cut_connection_is_resumed_where_it_ended(server):
    fetch(f"{server.url}/cut")
    starts = [start for _, start in server.requests]
    assert len(starts) == 3
    assert starts[0] == 0
    assert starts == sorted(set(starts))
    assert cached_path(SOURCE).read_bytes() == CONTENT


def test_an_interrupted_download_goes_on_at_the_next_call(server):
    begin(CONTENT[:1000])
    fetch(f"{server.url}/file")
    assert server.requests == [("/file", 1000)]


def test_a_whole_part_is_only_verified(server):
    begin(CONTENT)
    fetch(f"{server.url}/file")
    assert server.requests == []


@pytest.mark.parametrize("beginning", [b"x" * 1000, CONTENT + b"x"])
def test_a_wrong_beginning_is_thrown_away(server, beginning):
    begin(beginning)
    fetch(f"{server.url}/file")
    assert server.requests[-1] == ("/file", 0)
    assert cached_path(SOURCE).read_bytes() == CONTENT


@pytest.mark.parametrize("path", ["deaf", "elsewhere", "unsatisfied"])
def test_a_server_that_cannot_resume_is_asked_for_everything(server, path):
    begin(CONTENT[:1000])
    fetch(f"{server.url}/{path}")
    assert cached_path(SOURCE).read_bytes() == CONTENT


def test_a_file_of_unknown_size_is_known_to_be_whole(server, monkeypatch):
    unknown = replace(SOURCE, size=None)
    monkeypatch.setattr(registry, "REGISTRY", {NAME: unknown})
    begin(CONTENT)
    # A server answers 416 with the length when nothing is missing.
    monkeypatch.setattr(
        Handler, "do_GET", lambda self: self.answer(416, b"", **{"Content-Range": f"bytes */{len(CONTENT)}"})
    )
    assert fetch(f"{server.url}/file").read_bytes() == CONTENT


@pytest.mark.parametrize("path", ["busy", "moved"])
def test_busy_and_moved(server, path):
    assert fetch(f"{server.url}/{path}").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("first", "why"),
    [
        ("missing", "HTTP 404"),
        ("page", "offers 20 bytes, but the published file has 1200000"),
        ("wrong", "expected sha256"),
        ("endless", "sends more than the 1200000 bytes"),
    ],
)
def test_the_next_mirror_helps(server, first, why):
    assert fetch(f"{server.url}/{first}", f"{server.url}/file").read_bytes() == CONTENT
    with pytest.raises(WeightsError, match=why):
        fetch(f"{server.url}/{first}", force=True)


@pytest.mark.parametrize("first", ["liar", "drip", "digits"])
def test_a_mirror_that_would_keep_us_for_ever_gives_way_to_the_next(server, first):
    begin(CONTENT[:1000])
    assert fetch(f"{server.url}/{first}", f"{server.url}/file").read_bytes() == CONTENT
    assert len(server.requests) < 10


@pytest.mark.parametrize("path", ["endless", "file"])
def test_a_file_of_unknown_size_has_an_end(server, monkeypatch, path):
    monkeypatch.setattr(registry, "REGISTRY", {NAME: replace(SOURCE, size=None)})
    monkeypatch.setattr(transfer, "MOST", 1_000_000)
    with pytest.raises(WeightsError, match=r"1200000 bytes, far more than|sends more than the 1000000 bytes"):
        fetch(f"{server.url}/{path}")


def test_a_wrong_file_is_removed_and_both_digests_are_told(server):
    with pytest.raises(WeightsError) as caught:
        fetch(f"{server.url}/wrong")
    assert SOURCE.sha256 in str(caught.value)
    assert hashlib.sha256(bytes(len(CONTENT))).hexdigest() in str(caught.value)
    assert not part().exists()
    assert not cached_path(SOURCE).exists()


def test_offline_says_what_to_do(closed_port):
    with pytest.raises(WeightsError) as caught:
        fetch(closed_port)
    message = str(caught.value)
    for words in (SOURCE.file_name, "1 MB", SOURCE.urls[0], str(cached_path(SOURCE)), "--encoder compact", closed_port):
        assert words in message


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/file", "http://[/file"])
def test_a_strange_address_is_refused(url):
    with pytest.raises(WeightsError, match="Cannot download"):
        fetch(url)


def test_unknown_name():
    with pytest.raises(UnknownNameError, match=r"closest is 'vgg19\.torchvision'"):
        download.fetch("vgg19.torchvison")


# --- files that lie there already ---


def test_a_file_put_there_by_hand_is_verified(server):
    path = cached_path(SOURCE)
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    assert fetch(f"{server.url}/file") == path
    path.write_bytes(b"another")
    with pytest.raises(WeightsError, match=r"expected 1200000 bytes, got 7.*--force"):
        fetch(f"{server.url}/file")
    assert server.requests == []
    assert fetch(f"{server.url}/file", force=True).read_bytes() == CONTENT


@pytest.mark.parametrize("place", ["TORCH_HOME/hub/checkpoints", "KERAS_HOME/models"])
def test_what_another_program_downloaded_is_used(server, tmp_path, place):
    theirs = tmp_path / place / SOURCE.file_name
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(CONTENT)
    assert fetch(f"{server.url}/file") == theirs == weight_path(NAME)
    assert server.requests == []


def test_what_another_program_downloaded_wrongly_is_not_used(server, tmp_path):
    theirs = tmp_path / "TORCH_HOME/hub/checkpoints" / SOURCE.file_name
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"half")
    assert fetch(f"{server.url}/file") == cached_path(SOURCE)
    assert theirs.read_bytes() == b"half"


def test_a_broken_note_is_ignored(server):
    path = fetch(f"{server.url}/file")
    note = next(path.parent.glob("*.verified.json"))
    for content in ("", "[]", '{"sha256": 3}', json.dumps({"size": len(CONTENT)})):
        note.write_text(content)
        assert fetch("http://nowhere.invalid/file") == path


@pytest.mark.parametrize(
    ("fact", "why"),
    [
        ({"sha256": "0" * 64}, "expected sha256 0000"),
        ({"sha256": None, "sha256_prefix": "00000000"}, "begins with 00000000"),
        ({"sha256": None, "md5": "0" * 32}, "expected md5 0000"),
        ({"size": 5}, "expected 5 bytes, got 1200000"),
    ],
)
def test_each_known_fact_is_checked(tmp_path, fact, why):
    (tmp_path / "file").write_bytes(CONTENT)
    assert verification.verify(tmp_path / "file", SOURCE) == SOURCE.sha256
    with pytest.raises(WeightsError, match=why):
        verification.verify(tmp_path / "file", replace(SOURCE, **fact))


def test_verify_knows_files_by_their_name(tmp_path):
    (tmp_path / "mine.pth").write_bytes(b"mine")
    assert verification.verify(tmp_path / "mine.pth") == hashlib.sha256(b"mine").hexdigest()
    (tmp_path / SOURCE.file_name).write_bytes(b"mine")
    with pytest.raises(WeightsError, match="expected 1200000 bytes"):
        verification.verify(tmp_path / SOURCE.file_name)
    with pytest.raises(MissingFileError):
        verification.verify(tmp_path / "none.pth")


# --- storage ---


def test_no_permission_names_the_remedy(server, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(transfer.Path, "open", refuse)
    with pytest.raises(WeightsError, match=r"Permission denied\. Set IMPASTO_CACHE"):
        fetch(f"{server.url}/file")


def test_a_cache_that_is_a_file_names_the_remedy(server, monkeypatch, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(WeightsError, match="Set IMPASTO_CACHE"):
        fetch(f"{server.url}/file")


def test_a_full_disk_is_noticed_before_and_during(server, monkeypatch):
    class Usage:
        free = 100

    with monkeypatch.context() as patch:
        patch.setattr(download.shutil, "disk_usage", lambda _: Usage)
        with pytest.raises(WeightsError, match=r"No space left in .* \(1 MB\)"):
            fetch(f"{server.url}/file")
    assert server.requests == []

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(transfer.os, "fsync", full)
    with pytest.raises(WeightsError, match="Make room, or set IMPASTO_CACHE"):
        fetch(f"{server.url}/file")


def test_two_processes_download_once(server):
    program = f"""
import sys
from dataclasses import replace
from impasto.encoders import download, registry
source = replace(registry.REGISTRY[{NAME!r}], size={SOURCE.size}, sha256={SOURCE.sha256!r}, sha256_prefix=None)
registry.REGISTRY = {{source.name: source}}
print(download.fetch(source.name, urls=[sys.argv[1]]))
"""
    command = [sys.executable, "-c", program, f"{server.url}/cut"]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate(timeout=60)[0].strip() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert outputs == [str(cached_path(SOURCE))] * 2
    assert len(server.requests) == 3  # one download in three pieces, not two
    assert cached_path(SOURCE).read_bytes() == CONTENT
