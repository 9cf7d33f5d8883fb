"""Every example runs as its own first lines say."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parent.parent


def run(name, *arguments, folder):
    subprocess.run([sys.executable, ROOT / "examples" / name, *map(str, arguments)], cwd=folder, check=True)


def size_of(path):
    with Image.open(path) as image:
        return image.size


def test_one_photograph_in_seven_styles(tmp_path):
    Image.effect_mandelbrot((80, 60), (-2, -1.2, 1, 1.2), 60).convert("RGB").save(tmp_path / "photo.png")
    run("demo_sheet.py", "photo.png", "sheet.jpg", "--size", 64, "--iterations", 2, folder=tmp_path)
    assert size_of(tmp_path / "sheet.jpg") == (4 * 64 + 24, 2 * 48 + 8)


def test_the_demo(tmp_path):
    pytest.importorskip("skimage", reason="the demo extra is not installed")
    run("demo.py", "--size", 64, "--iterations", 2, "--quiet", folder=tmp_path)
    assert max(size_of(tmp_path / "demo" / "picture.png")) == 64


def test_all_swatches_on_one_sheet(tmp_path):
    run("swatches_sheet.py", "sheet.png", folder=tmp_path)
    assert size_of(tmp_path / "sheet.png")[0] > 1000
