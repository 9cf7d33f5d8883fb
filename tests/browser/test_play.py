"""The page that paints in the browser: the command's pixels, and not a request to anywhere else."""

import functools
import http.server
import json
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import material
from impasto.instant.packed import SHA256

ROOT = Path(__file__).parents[2]
PLAY, PAGE = ROOT / "build" / "play", ROOT / "docs" / "play"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def served():
    """The address of the folder, on a server that knows files and nothing else."""
    if not (PLAY / "graphs" / "paint.onnx").is_file():
        pytest.skip("needs the page's folder: python scripts/tasks.py play")
    older = json.loads((PLAY / "contents.json").read_text(encoding="utf-8"))["network"] != SHA256
    if older or any((PLAY / file.name).read_bytes() != file.read_bytes() for file in PAGE.iterdir()):
        pytest.skip("the page's folder is older than the page or the network: python scripts/tasks.py play")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=PLAY)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def open_page(guarded, served):
    """open_page(**context): the page."""
    return functools.partial(guarded, served)


def painted(page, wanted):
    """Wait for the picture of a wish of which `wanted` is true."""
    for _ in range(1800):  # of a tenth of a second, on a busy machine
        told = page.locator("body").get_attribute("data-painted")
        if told and wanted(json.loads(told)):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"never painted; the page says: {page.locator('#status').inner_text()}")


def saved(page, path):
    with page.expect_download() as waiting:
        page.locator("#save").click()
    waiting.value.save_as(path)
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


@pytest.fixture
def commanded(impasto, tmp_path):
    """commanded(style, strength, *options): what the command makes of photo.png."""

    def made(style, strength, *options):
        out = tmp_path / f"out-{strength}.png"
        words = ["--preset", "instant", "--strength", str(strength), *options, "-o", str(out)]
        code, _, err = impasto("transfer", str(tmp_path / "photo.png"), str(style), *words)
        assert code == 0, err
        return np.asarray(Image.open(out)).astype(int)

    return made


@pytest.mark.parametrize(("photo", "painting"), [((96, 128), (96, 128)), ((99, 131), (150, 200))])
def test_it_paints_what_the_command_paints(open_page, commanded, tmp_path, photo, painting):
    Image.fromarray(material.content(*photo)).save(tmp_path / "photo.png")
    Image.fromarray(material.style(*painting)).save(tmp_path / "painting.png")
    page = open_page()
    page.set_input_files("#photo", tmp_path / "photo.png")
    page.set_input_files("#painting", tmp_path / "painting.png")
    for strength in (0.5, 0.2, 1):
        page.locator("#strength").fill(str(strength))
        painted(page, lambda wish: "painting.png" in wish["painting"] and wish["strength"] == strength)  # noqa: B023
        difference = np.abs(saved(page, tmp_path / "saved.png") - commanded(tmp_path / "painting.png", strength))
        print(f"{photo} at strength {strength}: {difference.max()} of 255 at most, {difference.mean():.3f} on average")
        assert difference.max() <= 2


def test_a_photograph_is_made_smaller_as_the_command_does_it(open_page, commanded, tmp_path):
    Image.fromarray(material.content(300, 400)).save(tmp_path / "photo.png")
    page = open_page()
    page.select_option("#size", "256")
    page.set_input_files("#photo", tmp_path / "photo.png")
    page.locator("#gallery").get_by_role("button", name="batik", exact=True).click()
    painted(page, lambda wish: "photo.png" in wish["photo"] and "batik" in wish["painting"] and wish["size"] == 256)
    style = PLAY / "swatches" / "batik.jpg"
    difference = np.abs(saved(page, tmp_path / "saved.png") - commanded(style, 0.5, "--size", "256"))
    print(f"{difference.max()} of 255 at most")
    assert difference.max() <= 2


def test_what_is_chosen_while_the_sample_is_on_its_way_stays(open_page, tmp_path):
    Image.fromarray(material.content(96, 128)).save(tmp_path / "photo.png")
    Image.fromarray(material.style(96, 128)).save(tmp_path / "painting.png")
    page, held = open_page(), []
    sample = f"**/{json.loads((PLAY / 'contents.json').read_text(encoding='utf-8'))['sample']}"
    page.route(sample, lambda route: held.append(route))
    page.reload()
    page.locator("body.ready").wait_for()
    page.set_input_files("#photo", tmp_path / "photo.png")
    page.set_input_files("#painting", tmp_path / "painting.png")
    painted(page, lambda wish: "painting.png" in wish["painting"])
    with page.expect_response(sample):
        held.pop().continue_()
    page.wait_for_timeout(500)
    page.locator("#strength").fill("0.7")
    painted(page, lambda wish: wish["strength"] == 0.7)
    wish = json.loads(page.locator("body").get_attribute("data-painted"))
    assert ("photo.png" in wish["photo"]) and ("painting.png" in wish["painting"])


def test_it_speaks_chinese_is_dark_and_compares(open_page, tmp_path):
    page = open_page(locale="zh-CN", color_scheme="dark", viewport={"width": 390, "height": 844})
    assert page.locator("label[for=strength]").inner_text() == "强度"
    assert page.locator("html").get_attribute("lang") == "zh-Hans"
    page.locator("#compare").fill("100")
    assert page.evaluate("getComputedStyle(document.querySelector('#before')).clipPath") == "inset(0px 0% 0px 0px)"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("#language").click()
    assert page.locator("label[for=strength]").inner_text() == "Strength"


def test_what_is_no_picture_is_told(open_page, tmp_path):
    (tmp_path / "notes.txt").write_text("no picture", encoding="utf-8")
    Image.new("RGB", (400, 9)).save(tmp_path / "thin.png")
    page = open_page()
    painted(page, lambda wish: True)  # the sample
    page.locator("#strength").fill("0.7")
    page.set_input_files("#photo", tmp_path / "notes.txt")
    page.locator("#status", has_text="cannot read notes.txt").wait_for()
    painted(page, lambda wish: wish["strength"] == 0.7)
    assert "cannot read notes.txt" in page.locator("#status").inner_text()
    page.set_input_files("#photo", tmp_path / "thin.png")
    page.locator("#status", has_text="thin.png would be below 16 pixels").wait_for()
