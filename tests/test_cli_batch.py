"""Many photographs in one command, and photographs that were meant for it but given to `impasto transfer`."""

import json
import os
import signal
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from impasto.cli import interrupts, running
from impasto.images import load_image, save_image
from impasto.loading import Encoders
from impasto.record import KEYWORD, read_record

QUICK = ("--preset", "fast", "--size", "64", "--iterations", "2")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Three photographs in a folder of their own, beside a painting."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for seed, name in enumerate(("photos/a.jpg", "photos/b.jpg", "photos/c.png", "painting.png")):
        levels = np.random.default_rng(seed).integers(0, 256, (48, 64, 3), dtype=np.uint8)
        Image.fromarray(levels).save(name)
    return tmp_path


@pytest.fixture
def batch(impasto):
    """batch(*arguments): (exit code, {photograph: (outcome, why)}, what is said)."""

    def run(*arguments):
        code, out, err = impasto("batch", *arguments, "-s", "painting.png", *QUICK, "--json")
        records = [json.loads(line) for line in out.splitlines()]
        return code, {r["photograph"]: (r["outcome"], r["why"]) for r in records if r["event"] == "picture"}, err

    return run


def outcomes(rows):
    return {name: outcome for name, (outcome, _) in rows.items()}


def test_every_photograph_is_painted_with_networks_that_are_loaded_once(batch, monkeypatch, folder):
    made = []
    monkeypatch.setattr(running, "encoders_for", lambda output: made.append(output))
    monkeypatch.setattr("impasto.cli.batch.encoders_for", lambda _: made.append(Encoders()) or made[-1])
    code, rows, _ = batch("photos", "-o", "out/deep")
    assert (code, set(outcomes(rows).values()), len(made)) == (0, {"painted"}, 1)
    assert sorted(path.name for path in (folder / "out/deep").iterdir()) == ["a.png", "b.png", "c.png"]
    assert [each.name for each in read_record("out/deep/b.png").inputs] == ["photos/b.jpg", "painting.png"]


def test_all_have_the_texture(batch, impasto):
    """And are painted anew where it is another."""
    Image.fromarray(np.random.default_rng(9).integers(0, 256, (48, 64, 3), dtype=np.uint8)).save("strokes.png")
    code, rows, _ = batch("photos/a.jpg", "-o", "out", "--texture", "strokes.png")
    assert code == 0 and outcomes(rows) == {"photos/a.jpg": "painted"}
    assert [each.role for each in read_record("out/a.png").inputs] == ["content", "style", "texture"]
    assert outcomes(batch("photos/a.jpg", "-o", "out", "--texture", "strokes.png")[1]) == {
        "photos/a.jpg": "there already"
    }
    assert outcomes(batch("photos/a.jpg", "-o", "out")[1]) == {"photos/a.jpg": "failed"}
    assert impasto("batch", "photos", "-s", "painting.png", "-o", "o", "--texture-up-to", "relu1_1")[0] == 2


def test_each_is_the_picture_that_transfer_makes(batch, impasto):
    batch("photos/a.jpg", "-o", "out")
    assert impasto("transfer", "photos/a.jpg", "painting.png", *QUICK, "-q", "-o", "a.png")[0] == 0
    with Image.open("a.png") as alone, Image.open("out/a.png") as among_others:
        assert alone.tobytes() == among_others.tobytes()


def test_what_is_there_is_not_made_again_and_nothing_else_is_overwritten(batch, folder):
    batch("photos/a.jpg", "-o", "out")
    before = (folder / "out/a.png").stat()
    code, rows, _ = batch("photos/*.jpg", "-o", "out")
    assert (code, outcomes(rows)) == (0, {"photos/a.jpg": "there already", "photos/b.jpg": "painted"})
    assert (folder / "out/a.png").stat() == before
    code, rows, _ = batch("photos/a.jpg", "-o", "out", "--strength", "0.7")
    assert code == 1 and "other settings" in rows["photos/a.jpg"][1]
    assert (folder / "out/a.png").stat() == before
    assert outcomes(batch("photos/a.jpg", "-o", "out", "--strength", "0.7", "--force")[1]) == {
        "photos/a.jpg": "painted"
    }


def test_a_picture_of_an_earlier_impasto_is_known_by_what_its_settings_mean(batch, folder):
    batch("photos/a.jpg", "-o", "out")
    record = read_record("out/a.png")
    older = {name: value for name, value in record.settings.items() if name not in ("calm", "max_pixels")}
    picture = load_image("out/a.png").pixels
    save_image(picture, "out/a.png", force=True, text={KEYWORD: replace(record, settings=older).to_text()})
    assert outcomes(batch("photos/a.jpg", "-o", "out")[1]) == {"photos/a.jpg": "there already"}


def test_a_picture_that_was_stopped_is_made_anew(batch, monkeypatch):
    checks, check = [], interrupts.check

    def interrupted():
        checks.append(1)
        if len(checks) == 4:  # the first of the second photograph's steps
            os.kill(os.getpid(), signal.SIGINT)
        check()

    with monkeypatch.context() as patched:
        patched.setattr("impasto.cli.interrupts.check", interrupted)
        code, rows, _ = batch("photos", "-o", "out")
    assert (code, outcomes(rows)) == (130, {"photos/a.jpg": "painted", "photos/b.jpg": "stopped"})
    code, rows, _ = batch("photos", "-o", "out")
    expected = {"photos/a.jpg": "there already", "photos/b.jpg": "painted", "photos/c.png": "painted"}
    assert (code, outcomes(rows)) == (0, expected)
    result = read_record("out/b.png").result
    assert result.evaluations == result.of


def test_pictures_that_are_stopped_together_are_all_told(impasto, monkeypatch):
    checks, check = [], interrupts.check

    def interrupted():
        checks.append(1)
        if len(checks) == 3:
            os.kill(os.getpid(), signal.SIGINT)
        check()

    with monkeypatch.context() as patched:
        patched.setattr("impasto.cli.interrupts.check", interrupted)
        long = ("-s", "painting.png", *QUICK, "--iterations", "500", "--jobs", "2", "--json")
        code, out, _ = impasto("batch", "photos", "-o", "out", *long)
    records = [json.loads(line) for line in out.splitlines()]
    assert (code, {r["photograph"]: r["outcome"] for r in records if r["event"] == "picture"}) == (
        130,
        {"photos/a.jpg": "stopped", "photos/b.jpg": "stopped"},
    )


def test_a_file_that_does_not_say_how_it_was_made_is_another_picture(batch, folder):
    batch("photos/a.jpg", "-o", "out", "--no-metadata")
    assert outcomes(batch("photos/a.jpg", "-o", "out", "--no-metadata")[1]) == {"photos/a.jpg": "there already"}
    code, rows, _ = batch("photos/a.jpg", "-o", "out")
    assert (code, rows["photos/a.jpg"][0]) == (1, "failed")
    assert "out/a.png is there and does not say how it was made" in rows["photos/a.jpg"][1]


def test_a_photograph_that_fails_does_not_end_the_others(batch, folder):
    (folder / "photos/a.jpg").write_text("no picture")
    Image.new("RGB", (64, 48)).save("photos/c.bmp")
    code, rows, _ = batch("photos", "-o", "out")
    assert code == 1
    assert "text file" in rows["photos/a.jpg"][1]
    assert outcomes(rows)["photos/b.jpg"] == outcomes(rows)["photos/c.bmp"] == "painted"
    assert "out/c.png is the result of photos/c.bmp" in rows["photos/c.png"][1]


def test_several_at_a_time_make_the_same_pictures(batch):
    batch("photos", "-o", "one", "--dtype", "float64")
    assert batch("photos", "-o", "two", "--dtype", "float64", "--jobs", "2")[0] == 0
    for name in ("a.png", "b.png", "c.png"):
        with Image.open(f"one/{name}") as first, Image.open(f"two/{name}") as second:
            assert first.tobytes() == second.tobytes()


def test_a_table_ends_it_and_a_dry_run_writes_nothing(impasto, folder):
    arguments = ("batch", "photos", "-s", "painting.png", "-o", "out", *QUICK)
    code, out, _ = impasto(*arguments, "--dry-run")
    assert (code, out.count("to paint: out")) == (0, 3)
    assert not (folder / "out").exists()
    code, out, _ = impasto(*arguments)
    assert code == 0
    assert "photos/a.jpg  painted: " in out
    assert out.splitlines()[-1].startswith("3 in all: 3 painted, in ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["photos", "-o", "photos"], "photos holds photographs to paint"),
        (["gone.jpg", "-o", "out"], "no file gone.jpg"),
        (["photos", "-o", "painting.png"], "painting.png is a file. Name a folder"),
        (["photos/*.gif", "-o", "out"], "No file fits photos/*.gif"),
        ([".", "-o", "out"], ""),
        (["empty", "-o", "out"], "empty holds no image files"),
        (["photos", "-o", "out", "--strength", "2"], "strength is 2"),
        (["photos", "-o", "out", "--format", "gif"], "'gif' is not one of"),
        (["photos"], "--output is missing"),
    ],
)
def test_what_is_asked_wrongly_is_told_before_anything_is_made(batch, folder, arguments, words):
    (folder / "empty").mkdir()
    code, _, err = batch(*arguments)
    assert code == (2 if words else 0)
    assert words in err
    assert (folder / "out").exists() == (not words)


def test_many_photographs_are_not_taken_for_styles(impasto, folder):
    """The shell makes `photos/*.jpg painting.png` of a pattern: the first is no more the photograph than the others."""
    code, out, err = impasto("transfer", "photos/a.jpg", "photos/b.jpg", "painting.png", "-o", "out.png")
    assert (code, out) == (2, "")
    assert err.startswith("Error: photos/a.jpg is the photograph, and 2 styles follow, photos/b.jpg to painting.png.")
    assert "impasto transfer photos/a.jpg -s photos/b.jpg -s painting.png" in err
    assert "impasto batch photos/a.jpg" in err
    assert impasto("texture", "photos/a.jpg", "photos/b.jpg", "-o", "out.png")[0] == 2
    assert not (folder / "out.png").exists()


@pytest.mark.parametrize(
    "styles",
    [("-s", "painting.png", "-s", "photos/b.jpg"), ("painting.png", "photos/b.jpg", "--style-weights", "1,1")],
)
def test_several_styles_are_blended_where_that_is_said(impasto, styles):
    assert impasto("transfer", "photos/a.jpg", *styles, *QUICK, "-q", "-o", "out.png")[0] == 0
    assert [each.name for each in read_record("out.png").inputs[1:]] == ["painting.png", "photos/b.jpg"]
