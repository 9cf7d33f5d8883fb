"""What the studio refuses: foreign hosts and origins, no token, and what is too large, too many or not what it says."""

import io
import socket
import time
import zlib
from contextlib import suppress

import httpx
import numpy as np
import pytest
from in_studio import TOKEN, png

from impasto.studio.guard import name_of, trusted

HERE = {"sec-fetch-site": "same-origin"}


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "0.0.0.0", "", "[::2]", "192.168.1.5"],
)
def test_another_host_is_refused(refusing, host):
    for path in ("/", "/page/main.js", "/runs"):
        assert refusing.client.get(path, headers={"host": host}).status_code == 400


def test_its_own_names_are_taken(refusing):
    port = refusing.address.rpartition(":")[2]
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}", "LOCALHOST"):
        assert refusing.client.get("/runs", headers={"host": host}).status_code == 200


def test_who_listens_to_others_is_found_by_numbers_and_its_own_name_alone():
    open_ = trusted("0.0.0.0")
    assert open_("192.168.1.5") and open_("fe80::1") and not open_("evil.example")
    named = trusted("studio.local")
    assert named("studio.local") and named("localhost") and not named("evil.example")
    assert [name_of(each) for each in ("[::1]:80", "A.b:9", "10.0.0.1")] == ["::1", "a.b", "10.0.0.1"]


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
        {"sec-fetch-site": "none", "origin": "null"},
    ],
    ids=str,
)
def test_what_another_site_sends_is_refused(refusing, headers):
    for method, path in (("POST", "/runs"), ("POST", "/pictures"), ("POST", "/runs/x/stop")):
        assert refusing.client.request(method, path, headers=headers).status_code == 403
    assert refusing.client.get("/runs", headers=headers).status_code == 403


def test_a_link_on_another_site_leads_to_the_page_and_nowhere_else(refusing):
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert refusing.client.get("/", headers=link).status_code == 200
    assert refusing.client.get("/runs", headers=link).status_code == 403


@pytest.mark.parametrize(
    "given", [None, "", "Bearer", "Bearer x", "Basic x", f"Bearer {TOKEN}x", "Bearer \u00e9".encode()], ids=repr
)
def test_without_the_token_there_is_the_page_alone(refusing, given):
    headers = {} if given is None else {"authorization": given}
    assert refusing.stranger.get("/", headers=headers).status_code == 200
    for path in ("/about", "/settings", "/swatches", "/swatches/mosaic.jpg", "/runs", "/pictures/x", "/nowhere"):
        assert refusing.stranger.get(path, headers=headers).status_code == 401
    assert refusing.stranger.post("/runs", json={}, headers=headers).status_code == 401


def test_the_page_says_what_it_may_load(refusing):
    for path in ("/", "/page/main.js", "/about", "/nowhere"):
        headers = refusing.client.get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers and "access-control-allow-origin" not in headers


def test_the_page_names_nothing_that_is_not_there_and_nothing_elsewhere(refusing):
    import re

    page = refusing.stranger.get("/").text
    seen, left = set(), re.findall(r'(?:src|href)="(/[^"]+)"', page)
    while left:
        path = left.pop()
        if path in seen:
            continue
        seen.add(path)
        answer = refusing.stranger.get(path)
        assert answer.status_code == 200, path
        if path.endswith(".js"):
            left += [f"/page/{name}" for name in re.findall(r'from "\./([\w-]+\.js)"', answer.text)]
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", answer.text), path
    assert len([path for path in seen if path.endswith(".js")]) >= 10


# Hostile bodies -------------------------------------------------------------------------------------------------------


def bomb(side):
    """A small PNG file that says it has side x side pixels."""

    def chunk(kind, data):
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = side.to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    data = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


WHOLE = png(np.full((40, 40, 3), 128))
PICTURES = {
    "truncated": WHOLE[:60],
    "bomb": bomb(30_000),
    "empty": b"",
    "text": b"hello",
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>",
    "html": b"<!doctype html><script>alert(1)</script>",
    "pickle": b"\x80\x04\x95\x05\x00\x00\x00",
}


@pytest.mark.parametrize("data", PICTURES.values(), ids=PICTURES)
def test_what_is_no_picture_is_refused_and_not_kept(idle, data):
    began = time.monotonic()
    answer = idle.client.post("/pictures", files={"picture": ("x.png", data)})
    assert answer.status_code == 400 and answer.json()["error"] and time.monotonic() - began < 1
    assert str(idle.folder) not in answer.text
    assert list((idle.folder / "pictures").iterdir()) == []
    assert "(" not in answer.json()["error"].replace("(0 bytes)", ""), "what a decoder says is not for people"


def test_a_name_is_text_and_no_path(idle):
    sent = idle.send(WHOLE, "../../etc/\x1b[31m<b>passwd</b>\u202e.png")
    assert "/" not in sent["name"] and "\x1b" not in sent["name"] and "\u202e" not in sent["name"]
    assert {path.parent for path in idle.folder.rglob("*") if path.is_file()} == {idle.folder / "pictures"}


def test_forms_have_one_file_and_few_fields(idle):
    many = {f"field{i}": "x" for i in range(5000)}
    assert idle.client.post("/pictures", data=many, files={"picture": WHOLE}).status_code == 400
    two = [("picture", WHOLE), ("picture", WHOLE)]
    assert idle.client.post("/pictures", files=two).status_code == 400
    assert idle.client.post("/pictures", data={"picture": "text"}).status_code == 400
    assert (
        idle.client.post("/pictures", content=b"x", headers={"content-type": "multipart/form-data"}).status_code == 400
    )


def test_bodies_are_limited(idle):
    def endless():
        for _ in range(80):
            yield b"x" * 2**20

    for path, kind in (("/pictures", "multipart/form-data; boundary=b"), ("/runs", "application/json")):
        answer = idle.client.post(path, content=endless(), headers={"content-type": kind})
        assert answer.status_code in (400, 413), path
    with socket.create_connection(idle.address.removeprefix("http://").split(":")) as line:
        said = "POST /pictures HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 2000000000\r\n"
        line.sendall(
            f"{said}content-type: multipart/form-data; boundary=b\r\nauthorization: Bearer {TOKEN}\r\n\r\n".encode()
        )
        assert b" 413 " in line.recv(100)


BODIES = {
    "no JSON": b"{",
    "deep": b"[" * 100_000,
    "a list": b"[]",
    "a number": b"7",
    "nan": b'{"content": NaN}',
    "nothing": b"{}",
    "an unknown field": b'{"weights": "/etc/passwd"}',
    "a path": b'{"content": "/etc/passwd", "styles": ["swatch:mosaic"]}',
    "a path up": b'{"content": "../../etc/passwd", "styles": []}',
    "no swatch": b'{"content": "ID", "styles": ["swatch:../x"]}',
    "a style's path": b'{"content": "ID", "styles": ["/etc/passwd"]}',
    "styles": b'{"content": "ID", "styles": {"a": 1}}',
    "no settings": b'{"content": "ID", "styles": ["swatch:mosaic"], "settings": 7}',
    "a weight file": b'{"content": "ID", "styles": ["swatch:mosaic"], "settings": {"weights": "/etc/passwd"}}',
    "a milestone": b'{"content": "ID", "styles": ["swatch:mosaic"], "settings": {"milestones": {"file": "../x"}}}',
    "a limit": b'{"content": "ID", "styles": ["swatch:mosaic"], "settings": {"max_pixels": 10000000000}}',
    "a beginning": b'{"content": "ID", "styles": ["swatch:mosaic"], "settings": {"init": "/etc/passwd"}}',
    "strength": b'{"content": "ID", "styles": ["swatch:mosaic"], "settings": {"strength": 7}}',
    "strength infinite": b'{"content": "ID", "styles": ["swatch:mosaic"], "settings": {"strength": Infinity}}',
    "size": b'{"content": "ID", "styles": ["swatch:mosaic"], "settings": {"size": "1x' + b"9" * 5000 + b'"}}',
    "a preset": b'{"content": "ID", "styles": ["swatch:mosaic"], "preset": ["default"]}',
    "no preset": b'{"content": "ID", "styles": ["swatch:mosaic"], "preset": "nonesuch"}',
    "a region": b'{"content": "ID", "regions": [{"mask": "ID"}]}',
    "many": b'{"content": "ID", "styles": [' + b'"swatch:mosaic",' * 5000 + b'"swatch:mosaic"]}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_what_no_run_can_be_is_refused(refusing, body):
    id = refusing.send(WHOLE)["id"].encode()
    answer = refusing.client.post(
        "/runs", content=body.replace(b"ID", id), headers={"content-type": "application/json"}
    )
    assert answer.status_code in (400, 404) and answer.json()["error"]
    assert refusing.client.get("/runs").json() == []


def test_a_form_cannot_ask_for_a_run(refusing):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"):
        assert refusing.client.post("/runs", content=b"{}", headers={"content-type": kind}).status_code == 415


@pytest.mark.parametrize(
    "id", ["../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e", "x" * 5000, "a\x00b", "nonesuch"]
)
def test_ids_are_no_paths(refusing, id):
    for path in (f"/pictures/{id}", f"/runs/{id}", f"/runs/{id}/result.png", f"/page/{id}", f"/swatches/{id}.jpg"):
        with suppress(httpx.InvalidURL):
            assert refusing.client.get(path.replace("\x00", "%00")).status_code in (400, 404)


def test_sizes_are_numbers(idle):
    id = idle.send(WHOLE)["id"]
    for path, most in ((f"/pictures/{id}", 2048), ("/swatches/ink-wash.jpg", 1024)):
        for size in ("", "-1", "0", "x", "1e9", str(most + 1), "99999999999", "²"):
            assert idle.client.get(path, params={"size": size}).status_code == 400, (path, size)
        assert idle.client.get(f"{path}?size=1").status_code == 200
        assert idle.client.get(f"{path}?size={most}").status_code == 200
    assert idle.client.get("/swatches/nope.jpg").status_code == 404


def test_methods_that_there_are_not(refusing):
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        assert refusing.client.request(method, "/runs").status_code == 405


def test_images_of_an_upload_are_encoded_anew(idle):
    """What was hidden in a file, such as a page after its pixels, is not served."""
    hidden = WHOLE + b"<script>alert(1)</script>"
    sent = idle.send(hidden)
    answer = idle.client.get(f"/pictures/{sent['id']}")
    assert b"script" not in answer.content and answer.headers["content-type"] == "image/jpeg"
    assert io.BytesIO(answer.content).read(2) == b"\xff\xd8"
