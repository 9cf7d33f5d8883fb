"""Clips are painted so that nothing flickers: real small runs, stopped and gone on with."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import films
from impasto.errors import UsageError
from impasto.loading import Encoders
from impasto.preparation import Pictures
from impasto.presets import preset
from impasto.solvers import LBFGS, InUnits

pytest.importorskip("av", reason="needs the extra `video`")
pytest.importorskip("cv2", reason="needs the extra `video`")


from impasto.video.choosing import Choice
from impasto.video.flow import motion, warped
from impasto.video.reading import open_clip
from impasto.video.session import Begun, ClipSession, Painted, Written
from impasto.video.shot import Canvas, Shot, planes
from impasto.video.shots import is_cut

RECIPE = replace(preset("fast"), iterations=8, frame_iterations=4)
STYLE = films.texture(64, 64, seed=5)[:, :, ::-1].copy()


@pytest.fixture(scope="module")
def encoders():
    return Encoders()


def painted(run):
    for _ in run:
        pass
    return run.canvas


def film(frames, encoders, recipe=RECIPE):
    """The frames of one shot, painted."""
    shot = Shot(frames[0], recipe, Pictures(styles=[STYLE]), encoders)
    canvases = [painted(shot.opening())]
    for before, now in pairwise(frames):
        canvases.append(painted(shot.next(now, motion(before, now), canvases[-1], canvases[0].image)))
    return canvases


def session(path, frames, encoders, recipe=RECIPE, **more):
    if not path.with_name("in.mkv").exists():
        films.write(path.with_name("in.mkv"), frames, codec="ffv1")
    clip = open_clip(path.with_name("in.mkv"))
    return ClipSession(clip, recipe, Pictures(styles=[STYLE]), path, encoders=encoders, **more)


# Flow


def test_flow_follows_a_camera():
    """By (1, 2) pixels a frame, so that what is now here was there; away from the borders, where nothing was."""
    before, now = films.pan(2, 60, 80)
    moved = motion(before, now)
    inner = (..., slice(8, -8), slice(8, -8))
    assert (moved.back[inner] - torch.tensor([2.0, 1.0])[None, :, None, None]).abs().mean() < 0.15
    assert moved.reliable[inner].mean() > 0.95
    assert moved.reliable[..., -1, :].max() == 0 and moved.reliable[..., -1].max() == 0
    assert (moved.carried(planes(before)) - planes(now))[inner].square().mean().sqrt() < 0.02
    assert moved.still.max() == 0


def test_what_was_hidden_is_not_relied_on():
    """A square that moves 6 pixels to the right over a still ground uncovers a stripe of it."""
    ground, square = films.texture(60, 80), films.texture(20, 20, seed=3)
    frames = [ground.copy(), ground.copy()]
    for frame, left in zip(frames, (20, 26), strict=True):
        frame[20:40, left : left + 20] = square
    moved = motion(*frames)
    assert moved.reliable[0, 0, 24:36, 21:25].mean() < 0.5
    assert moved.reliable[0, 0, 5:12].mean() > 0.97 and moved.still[0, 0, :8].mean() > 0.97
    assert moved.still[0, 0, 20:40, 20:46].max() == 0


def test_warping_by_nothing_changes_nothing():
    image = planes(films.texture(20, 30))
    assert torch.allclose(warped(image, torch.zeros(1, 2, 20, 30)), image, atol=1e-6)


def test_a_new_shot_is_told_from_motion():
    first, second = films.pan(4, 60, 80), films.pan(2, 60, 80, seed=9)
    assert not is_cut(first[0], first[3], motion(first[0], first[3]))
    assert is_cut(first[0], 255 - second[0], motion(first[0], 255 - second[0]))


# Painting


def test_frames_hold_still_and_are_not_blurred(encoders):
    """Moved as the camera moved, a frame is the one before; independent ones differ several times as much."""
    frames = films.pan(6, 64, 80)
    ours = [canvas.image for canvas in film(frames, encoders)]
    apart = [painted(Shot(f, RECIPE, Pictures(styles=[STYLE]), encoders).opening()).image for f in frames[:3]]

    def e_warp(pictures):
        pairs = pairwise(pictures)
        return np.mean([np.square(a[1:-8, 2:-8] / 255 - b[:-9, :-10] / 255).mean() for a, b in pairs]) ** 0.5

    def fine(picture):
        return np.abs(np.diff(picture.astype(float), axis=1)).mean()

    assert e_warp(ours) < 0.03
    assert e_warp(ours) < e_warp(apart) / 2.5
    assert fine(ours[-1]) > 0.9 * fine(ours[0])


def test_a_still_clip_is_one_picture(encoders):
    canvases = film(films.pan(1, 48, 64) * 4, encoders)
    assert all(np.array_equal(canvas.image, canvases[0].image) for canvas in canvases)


def test_what_comes_into_sight_is_painted(encoders):
    """In colors and strokes of the style, not as it is in the clip; and it is held once it has settled."""
    frames = films.pan(10, 64, 80, step=(0, 4))
    canvases = film(frames, encoders, replace(RECIPE, frame_iterations=6))
    new = slice(80 - 24, 80 - 4)  # came into sight in the last frames
    bare = Shot(frames[-1], preset("palette"), Pictures(styles=[STYLE]), encoders)
    bare = painted(bare.opening()).image
    changed = np.abs(canvases[-1].image.astype(float) - bare)
    assert changed[:, new].mean() > 0.5 * changed[:, 10:40].mean()
    assert canvases[-1].settled[4:, 8:40].min() > 200
    assert canvases[-1].settled[:, -4:].max() < 128


def test_maps_of_colors_are_the_first_frames(encoders):
    """A light that goes on in a corner does not change the colors of all else."""
    frames = films.pan(2, 48, 64, step=(0, 0))
    frames[1][:16, :16] = 255
    recipe = replace(RECIPE, frame_iterations=1)
    shot = Shot(frames[0], recipe, Pictures(styles=[STYLE]), encoders)
    first = painted(shot.opening())
    run = shot.next(frames[1], motion(*frames), Canvas(first.image, 0 * first.settled), first.image)
    level = run._run.plan.levels[0]
    problem = run._run.problem
    unlit = Shot(frames[0], recipe, Pictures(styles=[STYLE]), encoders).opening()._run.problem
    assert torch.allclose(problem._recolored(level)[..., 20:, 20:], unlit._recolored(level)[..., 20:, 20:], atol=1e-5)


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


def test_what_is_kept_is_the_clips_own(tmp_path, encoders):
    frames, mask = films.pan(3), np.zeros((48, 64, 3), np.uint8)
    mask[:, :32] = 255
    shot = Shot(frames[0], RECIPE, Pictures(styles=[STYLE], keep=mask), encoders)
    first = painted(shot.opening())
    run = shot.next(frames[1], motion(*frames[:2]), first, first.image)
    painted(run)
    assert np.abs(run.finished[:, :28].astype(int) - frames[1][:, :28]).max() <= 1
    assert np.abs(run.finished[:, 36:].astype(int) - frames[1][:, 36:]).mean() > 10


def test_units_are_those_of_each_place(normal):
    """Stiff places move less; the lowest point of a bowl is found all the same."""
    target, stiff = normal(1, 3, 4, 5), torch.linspace(1, 30, 20).reshape(1, 1, 4, 5).double()
    solver = InUnits(LBFGS(), stiff)

    def bowl(x):
        return (stiff**2 * (x - target).square()).sum() / 2, stiff**2 * (x - target)

    image = torch.zeros_like(target)
    state = solver.init(image)
    for _ in range(8):
        image, state = solver.step(bowl, image, state)
    assert torch.allclose(solver.result(image, state), target, atol=1e-6)


# Sessions


def test_a_clip_that_is_stopped_goes_on_to_the_same_file(tmp_path, encoders):
    frames = films.pan(5)
    whole = tmp_path / "whole"
    whole.mkdir()
    for event in session(whole / "out.mp4", frames, encoders).events():
        if isinstance(event, Begun):
            assert (event.count, event.there, event.size) == (5, 0, (64, 48))
    events = session(tmp_path / "out.mp4", frames, encoders).events()
    for event in events:
        if isinstance(event, Painted) and event.number == 3:
            break
    events.close()
    assert not (tmp_path / "out.mp4").exists()
    done = [event for event in session(tmp_path / "out.mp4", frames, encoders).events() if isinstance(event, Painted)]
    assert [event.number for event in done] == [4, 5]
    assert (tmp_path / "out.mp4").read_bytes() == (whole / "out.mp4").read_bytes()
    assert not (tmp_path / "out.mp4.impasto").exists()


def test_a_preview_is_the_beginning(tmp_path, encoders):
    frames = films.pan(5)
    list(session(tmp_path / "out.mkv", frames, encoders, preview=2).events())
    assert len(open_clip(tmp_path / "out.mkv").times) == 2
    done = [e for e in session(tmp_path / "out.mkv", frames, encoders).events() if isinstance(e, Painted)]
    assert [event.number for event in done] == [3, 4, 5]
    assert len(open_clip(tmp_path / "out.mkv").times) == 5
    with pytest.raises(UsageError, match="exists already"):
        list(session(tmp_path / "out.mkv", frames, encoders).events())
    assert not (tmp_path / "out.mkv.impasto").exists()


def test_frames_of_other_settings_are_not_taken(tmp_path, encoders):
    frames = films.pan(3)
    list(session(tmp_path / "out.mkv", frames, encoders, preview=1).events())
    with pytest.raises(UsageError, match="other settings"):
        list(session(tmp_path / "out.mkv", frames, encoders, replace(RECIPE, strength=0.7), preview=1).events())


def test_nothing_of_an_old_shot_is_in_a_new_one(tmp_path, encoders):
    first, second = films.pan(2), [255 - frame for frame in films.pan(2, seed=9)]
    events = list(session(tmp_path / "out", [*first, *second], encoders).events())
    assert [event.opens for event in events if isinstance(event, Painted)] == [True, False, True, False]
    (seen,) = list(open_clip(tmp_path / "in.mkv").frames())[2:3]
    alone = painted(Shot(seen.pixels, RECIPE, Pictures(styles=[STYLE]), encoders).opening())
    assert np.abs(np.array(Image.open(tmp_path / "out" / "000003.png")).astype(int) - alone.image).max() == 0


def test_odd_sides_become_even_where_the_format_wants_it(tmp_path, encoders):
    for name, size in (("out.mp4", (62, 46)), ("out.apng", (63, 47))):
        made = session(tmp_path / name, films.pan(2, 47, 63), encoders, choice=Choice(end=Fraction(1, 25)))
        assert made.shape in ((size[1], size[0]), (size[1] + 2, size[0] + 2)), name


# The command


def test_the_command_is_killed_and_goes_on(tmp_path):
    """kill -9 in the middle of the clip; the same command then makes the file that it makes at once elsewhere."""
    films.write(tmp_path / "in.mp4", films.pan(5), sound=True)
    Image.fromarray(STYLE).save(tmp_path / "style.png")
    settings = ["--preset", "fast", "--iterations", "4", "--frame-iterations", "3", "--json"]
    command = [sys.executable, "-m", "impasto", "video", "in.mp4", "style.png", *settings, "-o"]

    with subprocess.Popen([*command, "killed.mp4"], cwd=tmp_path, stdout=subprocess.PIPE, text=True) as run:
        for line in run.stdout:
            if json.loads(line)["event"] == "painted" and json.loads(line)["number"] == 2:
                os.kill(run.pid, signal.SIGKILL)
                break
    kept = sorted(Path(tmp_path / "killed.mp4.impasto" / "frames").glob("*.png"))
    assert 2 <= len(kept) < 5 and not (tmp_path / "killed.mp4").exists()
    for name in ("killed.mp4", "at once.mp4"):
        done = subprocess.run([*command, name], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "killed.mp4").read_bytes() == (tmp_path / "at once.mp4").read_bytes()
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
    }.items():
        code, _, err = impasto("video", *arguments)
        assert code == 2 and words in err, (arguments, err)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["in.mp4"]


def test_a_dry_run_tells_what_would_be_done(impasto, tmp_path):
    films.write(tmp_path / "in.mp4", films.pan(6))
    command = ["video", str(tmp_path / "in.mp4"), "swatch:mosaic", "-o", str(tmp_path / "out.gif"), "--every", "2"]
    code, out, _ = impasto(*command, "--dry-run", "--json")
    assert code == 0 and json.loads(out)["frames"] == 3
    assert not (tmp_path / "out.gif").exists()


def test_the_time_left_is_told(tmp_path, encoders):
    began, left = time.monotonic(), []
    for event in session(tmp_path / "out.mkv", films.pan(4), encoders).events():
        if isinstance(event, Painted):
            left.append(event.left)
    assert left[0] is None and left[3] == 0
    assert 0 < left[2] < left[1] + left[2] < 3 * (time.monotonic() - began)
