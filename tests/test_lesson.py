"""The script that makes the pictures of the lesson."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]


def loaded(name):
    """An example as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_lessons_script_says_what_it_needs(tmp_path):
    (tmp_path / "skimage.py").write_text("raise ImportError", encoding="utf-8")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, ROOT / "examples" / "how_it_works.py", "pictures"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert 'pip install "impasto[demo]"' in done.stderr and "--photo" in done.stderr
    assert not (tmp_path / "pictures").exists()


def test_the_transfer_of_the_lesson_is_made_as_its_caption_says(monkeypatch):
    """Above from noise, at one size; below from the photograph in the painting's colors, at half the size."""
    lesson, runs = loaded("how_it_works"), []
    prepare = lesson.PAINTER.prepare
    monkeypatch.setattr(lesson.PAINTER, "prepare", lambda *a, **b: runs.append(prepare(*a, **b)) or runs[-1])
    photo = Image.effect_mandelbrot((96, 64), (-2, -1.2, 1, 1.2), 60).convert("RGB")
    page = lesson.transfer(photo, photo.rotate(90), (48, 32), 3)
    noise, ours = runs
    assert (noise.recipe.init, ours.recipe.init) == ("random", "matched")
    assert [level.size for level in noise.plan.levels] == [48]
    assert [2 * level.size for level in ours.plan.levels[:-1]] == [ours.plan.levels[-1].size]
    assert page.width == 4 * 48 + 3 * lesson.GAP  # what it begins with, and each evaluation
