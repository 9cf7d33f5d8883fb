"""A clip from end to end: colors, shots, previews; stopped and killed, it goes on to the same file."""

import hashlib
import json
import sys
import time
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import films
import warm
from films import RECIPE, STYLE, painted
from impasto.errors import UsageError
from impasto.preparation import Pictures

pytest.importorskip("av", reason="needs the extra `video`")
pytest.importorskip("cv2", reason="needs the extra `video`")


from impasto.video.choosing import Choice
from impasto.video.reading import open_clip
from impasto.video.session import Begun, ClipSession, Painted, Written
from impasto.video.shot import Shot, Shown


def session(path, frames, encoders, recipe=RECIPE, **more):
    if not path.with_name("in.mkv").exists():
        films.write(path.with_name("in.mkv"), frames, codec="ffv1")
    clip = open_clip(path.with_name("in.mkv"))
    return ClipSession(clip, recipe, Pictures(styles=[STYLE]), path, encoders=encoders, **more)


@pytest.mark.parametrize("colors", ["luminance", "match", "content", "histogram"])
def test_colors_of_a_clip(tmp_path, encoders, colors):
    """They are as asked for in every frame, and no global change of color comes between two."""
    frames = films.pan(3)
    recipe = replace(RECIPE, colors=colors, iterations=4, frame_iterations=2)
    for event in session(tmp_path / "out.mkv", frames, encoders, recipe).events():
        if isinstance(event, Written):
            painted = [frame.pixels.astype(float) for frame in open_clip(event.path).frames()]
    for before, now in pairwise(painted):
        assert np.abs(now[2:-4, 2:-6].mean((0, 1)) - before[3:-3, 4:-4].mean((0, 1))).max() < 2
    if colors == "luminance":
        chroma = [frame.mean((0, 1)) - frame.mean() for frame in (frames[2].astype(float), painted[2])]
        assert np.abs(chroma[0] - chroma[1]).max() < 12


# Sessions


def test_a_clip_that_is_stopped_goes_on_to_the_same_file(tmp_path, encoders):
    """Also from a frame whose key frame was painted before."""
    says = {"metadata": False}  # which names the clip, and that is in two folders here
    frames, recipe = films.pan(5), replace(RECIPE, keyframe_interval=2)
    whole = tmp_path / "whole"
    whole.mkdir()
    for event in session(whole / "out.apng", frames, encoders, recipe, **says).events():
        if isinstance(event, Begun):
            assert (event.count, event.there, event.size) == (5, 0, (64, 48))
    events = session(tmp_path / "out.apng", frames, encoders, recipe, **says).events()
    for event in events:
        if isinstance(event, Painted) and event.number == 3:
            break
    events.close()
    assert not (tmp_path / "out.apng").exists()
    done = [
        event
        for event in session(tmp_path / "out.apng", frames, encoders, recipe, **says).events()
        if isinstance(event, Painted)
    ]
    assert [event.number for event in done] == [4, 5]
    assert (tmp_path / "out.apng").read_bytes() == (whole / "out.apng").read_bytes()
    assert not (tmp_path / "out.apng.impasto").exists()


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv", "out.webm", "out", "out.gif", "out.apng", "out.webp"])
def test_a_clip_says_how_it_was_made(impasto, tmp_path, encoders, name):
    """Of what files, and with what settings, whatever it was written as; unless it is not to."""
    recipe = replace(RECIPE, size=64, iterations=2, frame_iterations=1)
    list(session(tmp_path / name, films.pan(2), encoders, recipe).events())
    code, out, _ = impasto("show", str(tmp_path / name), "--json")
    record = json.loads(out)
    assert code == 0 and record["task"] == "transfer" and record["settings"]["size"] == 64
    assert record["inputs"][0]["name"] == str(tmp_path / "in.mkv")
    assert record["inputs"][0]["sha256"] == hashlib.sha256((tmp_path / "in.mkv").read_bytes()).hexdigest()
    assert [each["role"] for each in record["inputs"]] == ["content", "style"]
    code, _, err = impasto("replay", str(tmp_path / name))
    assert code == 2 and ("is a clip" in err or "nothing can be compared" in err)
    list(session(tmp_path / name, films.pan(2), encoders, recipe, metadata=False, force=True).events())
    code, _, err = impasto("show", str(tmp_path / name))
    assert code == 2 and "does not say how it was made" in err


def test_a_preview_is_the_beginning(impasto, tmp_path, encoders):
    frames = films.pan(5)
    list(session(tmp_path / "out.mkv", frames, encoders, preview=2).events())
    assert len(open_clip(tmp_path / "out.mkv").times) == 2
    code, _, err = impasto("resume", str(tmp_path / "out.mkv.impasto"))
    assert code == 2 and "impasto video" in err
    done = [e for e in session(tmp_path / "out.mkv", frames, encoders).events() if isinstance(e, Painted)]
    assert [event.number for event in done] == [4, 5]  # the last, a key frame, was painted before the second
    assert len(open_clip(tmp_path / "out.mkv").times) == 5
    with pytest.raises(UsageError, match="exists already"):
        list(session(tmp_path / "out.mkv", frames, encoders).events())
    assert not (tmp_path / "out.mkv.impasto").exists()


def test_frames_of_other_settings_are_not_taken(tmp_path, encoders):
    frames = films.pan(3)
    list(session(tmp_path / "out.mkv", frames, encoders, preview=1).events())
    with pytest.raises(UsageError, match="other settings"):
        list(session(tmp_path / "out.mkv", frames, encoders, replace(RECIPE, strength=0.7), preview=1).events())
    other = session(tmp_path / "out.mkv", frames, encoders, replace(RECIPE, strength=0.7), preview=2, force=True)
    events = list(other.events())
    assert [e.there for e in events if isinstance(e, Begun)] == [0]
    assert [e.number for e in events if isinstance(e, Painted)] == [1, 2]
    again = session(tmp_path / "out.mkv", frames, encoders, replace(RECIPE, strength=0.7), force=True).events()
    assert [e.there for e in again if isinstance(e, Begun)] == [3]  # the last is a key frame


def test_nothing_of_an_old_shot_is_in_a_new_one(tmp_path, encoders):
    first, second = films.pan(2), [255 - frame for frame in films.pan(2, seed=9)]
    events = list(session(tmp_path / "out", [*first, *second], encoders).events())
    assert [event.opens for event in events if isinstance(event, Painted)] == [True, False, True, False]
    (seen,) = list(open_clip(tmp_path / "in.mkv").frames())[2:3]
    alone = painted(Shot(Shown(seen.pixels), RECIPE, Pictures(styles=[STYLE]), encoders).opening())
    assert np.abs(np.array(Image.open(tmp_path / "out" / "000003.png")).astype(int) - alone.image).max() == 0


def test_odd_sides_become_even_where_the_format_wants_it(tmp_path, encoders):
    for name, size in (("out.mp4", (62, 46)), ("out.apng", (63, 47))):
        made = session(tmp_path / name, films.pan(2, 47, 63), encoders, choice=Choice(end=Fraction(1, 25)))
        assert made.shape in ((size[1], size[0]), (size[1] + 2, size[0] + 2)), name


# The command


def test_the_command_is_killed_and_goes_on(tmp_path):
    """kill -9 in the middle of the clip; the same command then makes the clip that it makes at once elsewhere."""
    films.write(tmp_path / "in.mp4", films.pan(5), sound=True)
    Image.fromarray(STYLE).save(tmp_path / "style.png")
    settings = ["--preset", "fast", "--iterations", "4", "--frame-iterations", "3", "--json"]
    settings += ["--strength", "0.2"]  # the less contrast, the less x264 makes of what it reads, see below
    command = ["-m", "impasto", "video", "in.mp4", "style.png", *settings, "-o"]

    with warm.Popen([*command, "killed.mp4"], cwd=tmp_path, stdout=warm.PIPE, text=True) as run:
        for line in run.stdout:
            if json.loads(line)["event"] == "painted" and json.loads(line)["number"] == 2:
                run.kill()
                break
    kept = sorted(Path(tmp_path / "killed.mp4.impasto" / "frames").glob("*.png"))
    assert 2 <= len(kept) < 5 and not (tmp_path / "killed.mp4").exists()
    for name in ("killed.mp4", "at once.mp4"):
        done = warm.run([*command, name], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    # x264 reads memory that nobody wrote: one time in five it codes the same frames otherwise, as exactly.
    killed, at_once = (list(open_clip(tmp_path / name).frames()) for name in ("killed.mp4", "at once.mp4"))
    assert [each.time for each in killed] == [each.time for each in at_once]
    for one, other in zip(killed, at_once, strict=True):
        assert np.abs(one.pixels.astype(float) - other.pixels).mean() < 1
    assert films.packets(tmp_path / "killed.mp4") == films.packets(tmp_path / "in.mp4")


def test_what_is_asked_wrongly_is_told(impasto, tmp_path):
    films.write(tmp_path / "in.mp4", films.pan(2))
    clip, out = str(tmp_path / "in.mp4"), str(tmp_path / "out.mp4")
    for words, arguments in {
        "no file": ["missing.mp4", "swatch:mosaic", "-o", out],
        "Unknown extension": [clip, "swatch:mosaic", "-o", str(tmp_path / "out.jpg")],
        "--end": [clip, "swatch:mosaic", "-o", out, "--start", "2", "--end", "1"],
        "lasts": [clip, "swatch:mosaic", "-o", out, "--start", "1:00"],
        "seconds": [clip, "swatch:mosaic", "-o", out, "--start", "soon"],
        "frames a second": [clip, "swatch:mosaic", "-o", out, "--fps", "0"],
        "itself": [clip, "swatch:mosaic", "-o", clip],
        "Unknown swatch": [clip, "swatch:nonsense", "-o", out],
        "a file or a folder": [clip, "swatch:mosaic", "-o", "-"],
        "STYLE --keep subject": [clip, "swatch:mosaic", "-o", out, "--keep", "subject"],
        "STYLE --region auto:3=STYLE": [clip, "-o", out, "--region", "auto:3=swatch:mosaic"],
        "--keep is empty": [clip, "swatch:mosaic", "-o", out, "--keep", ""],
        "--keep is a.png and b.png": [clip, "swatch:mosaic", "-o", out, "--keep", "a.png", "--keep", "b.png"],
    }.items():
        code, _, err = impasto("video", *arguments)
        assert code == 2 and words in err, (arguments, err)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["in.mp4"]


def test_one_frame_is_not_called_several(impasto, tmp_path):
    films.write(tmp_path / "in.mp4", films.pan(2))
    command = ["video", str(tmp_path / "in.mp4"), "swatch:mosaic", "--preset", "palette", "--preview", "1"]
    code, out, err = impasto(*command, "-o", str(tmp_path / "out.gif"))
    assert code == 0 and "(1 frame)" in out and "1 frame of 64x48" in err
    assert "the clip's own" in " ".join(impasto("video", "--help")[1].split())


def test_without_the_extra_it_is_told(impasto, tmp_path, monkeypatch):
    films.write(tmp_path / "in.mp4", films.pan(2))
    Image.fromarray(films.texture(8, 8)).save(tmp_path / "0001.png")
    Image.fromarray(films.texture(8, 8)).save(tmp_path / "0002.png")
    for package, clip in (("av", "in.mp4"), ("cv2", "")):
        monkeypatch.setitem(sys.modules, package, None)
        command = ["video", str(tmp_path / clip), "swatch:mosaic", "-o", str(tmp_path / "out"), "--size", "48"]
        code, _, err = impasto(*command, "--preset", "palette")
        assert code == 2 and "impasto[video]" in err


def test_a_dry_run_tells_what_would_be_done(impasto, tmp_path):
    films.write(tmp_path / "in.mp4", films.pan(6))
    command = ["video", str(tmp_path / "in.mp4"), "swatch:mosaic", "-o", str(tmp_path / "out.gif"), "--every", "2"]
    code, out, _ = impasto(*command, "--dry-run", "--json", "--preset", "fast")
    plan = json.loads(out)
    assert code == 0 and plan["frames"] == 3 and plan["seconds"] > 0 and plan["memory_bytes"] > 1e6
    each = [plan[f"{which}_evaluations"] for which in ("first", "key", "other")]
    assert plan["evaluations"] == sum(each) and each == sorted(each, reverse=True)
    assert [each.name for each in tmp_path.iterdir()] == ["in.mp4"]


@pytest.mark.parametrize("dry", [["--dry-run"], []])
def test_what_cannot_be_is_told_before_anything_is_done(impasto, tmp_path, dry):
    """By a dry run as by the real one."""
    films.write(tmp_path / "in.mp4", films.pan(2, 48, 62))
    clip, out, text = (str(tmp_path / name) for name in ("in.mp4", "out.mp4", "text.txt"))
    for name in ("text.txt", "there.mp4", "file"):
        (tmp_path / name).write_text("no picture")
    for name in ("kept.mp4.impasto", "folder"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "clip.json").write_text("{}")
    Image.fromarray(np.full((48, 62, 3), 255, np.uint8)).save(tmp_path / "mask.png")
    before = sorted(tmp_path.rglob("*"))
    for words, code, arguments in (
        ("itself", 2, ["swatch:mosaic", "-o", clip, "--force"]),
        ("exists already", 2, ["swatch:mosaic", "-o", str(tmp_path / "there.mp4")]),
        ("Unknown swatch", 2, ["swatch:nonsense", "-o", out]),
        ("text.txt", 1, [text, "-o", out]),
        ("nothing.jpg", 2, ["swatch:mosaic", "-o", out, "--region", f"{tmp_path / 'mask.png'}=nothing.jpg"]),
        ("fit each other", 2, ["swatch:mosaic", "-o", out, "--wrap", "x"]),
        ("--force", 2, ["swatch:mosaic", "-o", str(tmp_path / "kept.mp4")]),
        ("other files than frames", 2, ["swatch:mosaic", "-o", str(tmp_path / "folder"), "--force"]),
        ("is a file", 2, ["swatch:mosaic", "-o", str(tmp_path / "file"), "--force"]),
    ):
        found, _, err = impasto("video", clip, *arguments, "--preset", "fast", *dry)
        assert words in err and "frames of" not in err and found == code, (arguments, found, err)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_texture_and_a_pass_of_a_network(tmp_path, impasto):
    """--texture and --instant shape a clip as they shape a picture."""
    films.write(tmp_path / "in.mkv", films.pan(3), codec="ffv1")
    frames = {}
    for name, more in {
        "plain": ["--preset", "fast", "--iterations", "6"],
        "textured": ["--preset", "fast", "--iterations", "6", "--texture", "swatch:engraving"],
        "instant": ["--instant"],
    }.items():
        command = ["video", str(tmp_path / "in.mkv"), "swatch:mosaic", "-o", str(tmp_path / f"{name}.mkv"), *more]
        code, _, err = impasto(*command)
        assert code == 0, err
        frames[name] = [frame.pixels.astype(float) for frame in open_clip(tmp_path / f"{name}.mkv").frames()]
    assert np.abs(frames["plain"][2] - frames["textured"][2]).mean() > 2
    moved = frames["instant"][1][1:-2, 2:-4], frames["instant"][2][:-3, :-6]
    assert np.abs(moved[0] - moved[1]).mean() < 5 < np.abs(frames["instant"][2] - films.pan(3)[2]).mean()


def test_the_time_left_is_told(tmp_path, encoders):
    began, left = time.monotonic(), []
    for event in session(tmp_path / "out.mkv", films.pan(4), encoders).events():
        if isinstance(event, Painted):
            left.append(event.left)
    assert left[0] is None and left[3] == 0
    assert 0 < left[2] < left[1] + left[2] < 3 * (time.monotonic() - began)
