"""Every example runs as its own first lines say."""

import io
import re
import socket
import time
from pathlib import Path

import httpx
import pytest
from PIL import Image

import warm
from impasto.record import read_record

ROOT = Path(__file__).parent.parent


def run(name, *arguments, folder):
    warm.run([ROOT / "examples" / name, *arguments], cwd=folder, check=True)


def size_of(path):
    with Image.open(path) as image:
        return image.size


def test_one_photograph_in_seven_styles(tmp_path):
    Image.effect_mandelbrot((80, 60), (-2, -1.2, 1, 1.2), 60).convert("RGB").save(tmp_path / "photo.png")
    run("demo_sheet.py", "photo.png", "sheet.jpg", "--size", 64, "--iterations", 2, folder=tmp_path)
    assert size_of(tmp_path / "sheet.jpg") == (4 * 64 + 24, 2 * 48 + 8)


def test_the_demo(tmp_path, capfd):
    pytest.importorskip("skimage", reason="the demo extra is not installed")
    run("demo.py", "--size", 64, "--iterations", 2, "--quiet", folder=tmp_path)
    assert max(size_of(tmp_path / "demo" / "picture.png")) == 64
    assert re.search(
        r"^Now yours: .*impasto\S* transfer YOUR\.jpg swatch:mosaic$", capfd.readouterr().out, re.MULTILINE
    )


def test_all_swatches_on_one_sheet(tmp_path):
    run("swatches_sheet.py", "sheet.png", folder=tmp_path)
    assert size_of(tmp_path / "sheet.png")[0] > 1000


@pytest.fixture
def pictures(tmp_path):
    for i, name in enumerate(("photo.jpg", "painting.jpg", "other.jpg")):
        view = (-2 + 0.3 * i, -1.2, 1 - 0.3 * i, 1.2)
        Image.effect_mandelbrot((64, 48), view, 60).convert("RGB").save(tmp_path / name)
    return tmp_path


def test_one_picture(pictures):
    run("one_picture.py", "photo.jpg", "painting.jpg", "out.png", folder=pictures)
    assert size_of(pictures / "out.png") == (64, 48)


def test_many_pictures_of_which_one_is_none(pictures):
    (pictures / "bad.jpg").write_text("no picture")
    run("many_pictures.py", "painting.jpg", "out", "photo.jpg", "bad.jpg", "other.jpg", folder=pictures)
    assert sorted(each.name for each in (pictures / "out").iterdir()) == ["other.png", "photo.png"]


def test_regions_and_a_subject(pictures):
    run("regions.py", "photo.jpg", "painting.jpg", "other.jpg", "out.png", folder=pictures)
    assert size_of(pictures / "subject.png") == size_of(pictures / "out.png") == (64, 48)


def test_terms_of_ones_own(pictures):
    run("custom_term.py", "photo.jpg", "painting.jpg", "out.png", folder=pictures)
    assert {"darker", "mirrored"} <= set(read_record(pictures / "out.png").result.terms)


def test_a_web_server(pictures):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [ROOT / "examples" / "web_server.py", "painting.jpg", port]
    with warm.Popen(command, cwd=pictures, stderr=warm.DEVNULL) as server:
        try:
            url = f"http://127.0.0.1:{port}/"
            for attempt in range(100):
                try:
                    answer = httpx.post(url, content=(pictures / "photo.jpg").read_bytes(), timeout=60)
                    break
                except httpx.ConnectError:
                    assert attempt < 99
                    time.sleep(0.2)
            assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
            assert Image.open(io.BytesIO(answer.content)).size == (64, 48)
            assert httpx.post(url, content=b"no picture", timeout=60).status_code == 400
        finally:
            server.kill()
