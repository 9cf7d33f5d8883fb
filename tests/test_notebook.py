"""In a notebook: pictures that grow, finished ones, plans, and the lesson cell by cell; all in a real IPython."""

import ast
import json
import os
import re
import sys
from base64 import b64decode
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from PIL import Image

import impasto
import warm
from impasto.clock import Clock
from impasto.errors import UsageError
from impasto.notebook import LARGEST, bundle, watched

LESSONS = [Path(__file__).parents[1] / "examples" / f"how_it_works{language}.ipynb" for language in ("", ".zh")]
SETTINGS = {"preset": "fast", "size": 48, "iterations": 6, "device": "cpu"}
CELLS = f"""
import impasto
run = impasto.prepare("photo.png", "swatch:mosaic", **{SETTINGS})
run
---
for step in run.watch():
    pass
run.painting(step)
---
for step in run.watch():
    if step.done == 2:
        break
---
def interrupted():
    for step in run.watch():
        if step.done == 3:
            raise KeyboardInterrupt
        yield step
try:
    kept = list(interrupted())
except KeyboardInterrupt:
    print("interrupted")
"""


def cells(*sources):
    return {"nbformat": 4, "cells": [{"cell_type": "code", "source": source} for source in sources]}


def run_in_ipython(notebook, folder):
    """What each cell printed and showed."""
    pytest.importorskip("IPython", reason="the extra test is not installed")
    file = folder / "here.ipynb"
    file.write_text(json.dumps(notebook), encoding="utf-8")
    script = Path(__file__).with_name("in_ipython.py")
    env = {**os.environ, "IPYTHONDIR": str(folder / "ipython")}
    done = warm.run([script, file], cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def decoded(shown, kind="image/jpeg"):
    return Image.open(BytesIO(b64decode(shown["data"][kind])))


def photograph(folder):
    Image.effect_mandelbrot((96, 64), (-2, -1.2, 1, 1.2), 60).convert("RGB").save(folder / "photo.png")


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebook")
    photograph(folder)
    return run_in_ipython(cells(*CELLS.split("---")), folder)


def test_a_run_shows_its_plan(told):
    (shown,) = told[0]["shown"]
    assert "fast" in shown["data"]["text/plain"] and "48x32" in shown["data"]["text/plain"]
    assert shown["data"]["text/html"].startswith("<table><tr><th>preset</th><td>fast</td>")


def test_a_watched_run_has_one_place_where_it_grows(told):
    *growing, _ = told[1]["shown"]
    assert len(growing) >= 2
    assert [each["update"] for each in growing] == [False] + [True] * (len(growing) - 1)
    assert len({each["transient"]["display_id"] for each in growing}) == 1
    first, last = growing[0]["data"], growing[-1]["data"]
    assert first["text/plain"].startswith("1 of 6 evaluations, 48x32, loss ") and first["text/plain"].endswith(" left")
    assert last["text/plain"].startswith("6 of 6 evaluations") and "left" not in last["text/plain"]
    head, data = last["text/html"].partition('" width="48" height="32"')[0].split(";base64,")
    assert head == '<div><img src="data:image/jpeg'
    assert Image.open(BytesIO(b64decode(data))).size == (48, 32)


def test_a_finished_picture_is_shown_once(told):
    shown = told[1]["shown"][-1]
    assert set(shown["data"]) == {"image/jpeg", "text/plain"}
    assert shown["data"]["text/plain"] == "A transfer of 48x32 pixels, preset fast, 6 evaluations"
    assert shown["metadata"] == {"image/jpeg": {"width": 48, "height": 32}}
    assert len(decoded(shown).getcolors(1 << 16)) > 200


@pytest.mark.parametrize(("cell", "done"), [(2, 2), (3, 3)], ids=["left", "interrupted"])
def test_what_ends_early_shows_the_picture_so_far(told, cell, done):
    words = told[cell]["shown"][-1]["data"]["text/plain"]
    assert words.startswith(f"{done} of 6 evaluations") and words.endswith("; stopped")


@pytest.mark.parametrize(("often", "shown"), [(1000.0, 2), (0.0, 7)], ids=["seldom", "at every step"])
def test_watching_shows_a_few_pictures_and_changes_none(often, shown, monkeypatch):
    """The first, one in so many seconds, and what is there in the end."""
    monkeypatch.setattr("impasto.notebook.OFTEN", often)
    monkeypatch.setattr("impasto.notebook.SHARE", 1e9)
    run, seen = impasto.prepare(Image.new("RGB", (48, 48), "teal"), "swatch:mosaic", **SETTINGS), []
    screen = SimpleNamespace(show=lambda image, words: seen.append(words))
    *_, last = watched(run.steps(), run.look, Clock(run.plan.levels), screen)
    *_, alone = run
    assert len(seen) == shown
    assert torch.equal(last.image, alone.image)


def test_elsewhere_it_says_so(monkeypatch):
    run = impasto.prepare(Image.new("RGB", (48, 48)), "swatch:mosaic", **SETTINGS)
    with pytest.raises(UsageError, match="iterate over the run itself"):
        run.watch()
    monkeypatch.setitem(sys.modules, "IPython", None)
    with pytest.raises(UsageError, match="iterate over the run itself"):
        run.watch()


def test_transparent_pictures_keep_that_and_large_ones_are_shown_smaller():
    data, about = bundle(Image.new("RGBA", (2 * LARGEST, LARGEST), (255, 0, 0, 128)), "large")
    shown = decoded({"data": data}, "image/png")
    assert (shown.size, shown.mode) == ((LARGEST, LARGEST // 2), "RGBA")
    assert about == {"image/png": {"width": LARGEST, "height": LARGEST // 2}}


# The lesson


def code_of(notebook):
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]


def test_the_lesson_runs_cell_by_cell(tmp_path):
    """Smaller, with a photograph of our own; it stays small enough to be sent as a file."""
    lesson = json.loads(LESSONS[0].read_text(encoding="utf-8"))
    changes = {
        "from skimage import data\n": "",
        "Image.fromarray(data.coffee())": 'Image.open("photo.png")',
        "SIZE, EVALUATIONS = 160, 60": "SIZE, EVALUATIONS = 48, 3",
    }
    code = code_of(lesson)
    for old, new in changes.items():
        assert old in code[0]
        code[0] = code[0].replace(old, new)
    photograph(tmp_path)
    told = run_in_ipython(cells(*code), tmp_path)
    assert len(told) == len(code) == 12
    last = [each["shown"][-1] for each in told if each["shown"]]
    rows = [decoded(each, "image/png").size for each in last if "image/png" in each["data"]]
    assert rows == [(100, 32), *[(308, 32)] * 2, (172, 32), (308, 32), (204, 32)]
    assert told[1]["printed"].startswith("relu1_1 (64, 32, 48) sees 3 pixels across")
    assert told[-1]["shown"][-1]["data"]["text/plain"] == "A transfer of 76x51 pixels, preset default, 47 evaluations"
    with Image.open(tmp_path / "painted.png") as painted:
        assert painted.size == (76, 51) and "impasto" in painted.text


def test_both_languages_have_the_same_code_and_formulas():
    english, chinese = (json.loads(file.read_text(encoding="utf-8")) for file in LESSONS)

    trees = [ast.parse("\n".join(code_of(book))) for book in (english, chinese)]
    words = [[each for each in ast.walk(tree) if isinstance(each, ast.Constant)] for tree in trees]
    for ours, theirs in zip(*words, strict=True):
        if isinstance(theirs.value, str) and not theirs.value.isascii():  # what is said to people
            theirs.value = ours.value
    assert ast.dump(trees[0]) == ast.dump(trees[1])
    formulas = [
        [line for cell in book["cells"] for line in cell["source"] if line.startswith("$$")]
        for book in (english, chinese)
    ]
    assert formulas[0] == formulas[1] and len(formulas[0]) == 4
    assert [cell["cell_type"] for cell in english["cells"]] == [cell["cell_type"] for cell in chinese["cells"]]


@pytest.mark.parametrize("file", LESSONS, ids=["english", "chinese"])
def test_lessons_are_kept_without_outputs_and_their_links_lead_somewhere(file):
    notebook = json.loads(file.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        assert not cell.get("outputs") and cell.get("execution_count") is None
    text = "".join(line for cell in notebook["cells"] for line in cell["source"] if cell["cell_type"] == "markdown")
    targets = re.findall(r"\]\(([^)]+)\)", text)
    assert len(targets) == 3 and all((file.parent / target).exists() for target in targets)
