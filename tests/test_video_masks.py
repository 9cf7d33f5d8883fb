"""Masks of clips that are clips themselves: what is kept and what has a style of its own moves."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import films
from films import RECIPE, STYLE
from impasto.errors import UsageError
from impasto.preparation import Pictures
from impasto.regions import Region

pytest.importorskip("av", reason="needs the extra `video`")
pytest.importorskip("cv2", reason="needs the extra `video`")


from impasto.video.choosing import Choice
from impasto.video.reading import open_clip
from impasto.video.session import ClipSession, Painted

QUICK = replace(RECIPE, iterations=6, frame_iterations=3)
OTHER = np.full((32, 32, 3), (220, 30, 30), np.uint8)


@pytest.fixture
def frames():
    return films.pan(5, 48, 96, step=(0, 0))


@pytest.fixture
def clip(tmp_path, frames):
    films.write(tmp_path / "in.mkv", frames, codec="ffv1")
    return open_clip(tmp_path / "in.mkv")


def masks(folder, *edges):
    """A folder of masks, each white from the left to one of the `edges`."""
    folder.mkdir()
    for number, edge in enumerate(edges):
        mask = np.zeros((48, 96), np.uint8)
        mask[:, :edge] = 255
        Image.fromarray(mask).save(folder / f"{number}.png")
    return str(folder)


def painted(tmp_path, clip, encoders, pictures, name="out", **more):
    session = ClipSession(clip, QUICK, pictures, tmp_path / name, encoders=encoders, **more)
    list(session.events())
    return [frame.pixels.astype(float) for frame in open_clip(tmp_path / name).frames()]


def changed(painted, frame):
    """How far each column is from the clip's own."""
    return np.abs(painted - frame).mean((0, 2))


def test_what_is_kept_moves(tmp_path, frames, clip, encoders):
    """Nothing in the first frame, all in the last; what is kept no longer is painted."""
    keep = masks(tmp_path / "masks", 0, 64, 32, 32, 96)
    made = painted(tmp_path, clip, encoders, Pictures(styles=[STYLE], keep=keep))
    assert changed(made[0], frames[0])[:48].mean() > 10
    assert changed(made[1], frames[1])[:60].max() < 1 and changed(made[1], frames[1])[70:].mean() > 10
    assert changed(made[3], frames[3])[:28].max() < 1 and changed(made[3], frames[3])[36:60].mean() > 10
    assert changed(made[4], frames[4]).max() < 1


def test_a_region_moves_and_comes_into_sight(tmp_path, frames, clip, encoders):
    region = masks(tmp_path / "masks", 0, 0, 48, 64, 64)
    made = painted(tmp_path, clip, encoders, Pictures(styles=[STYLE], regions=[Region(region, OTHER)]))

    def red(picture):
        return (picture[..., 0] - picture[..., 1]).mean(0)

    assert np.abs(red(made[1])[:40].mean() - red(made[0])[:40].mean()) < 8
    assert red(made[4])[:40].mean() > red(made[1])[:40].mean() + 60
    assert red(made[4])[52:60].mean() > red(made[1])[52:60].mean() + 60  # what the mask has grown over
    assert np.abs(red(made[4])[76:].mean() - red(made[1])[76:].mean()) < 20


def test_without_any_style_in_sight_a_frame_stays(tmp_path, clip, encoders, frames):
    """Where no other style is for the rest."""
    region = masks(tmp_path / "masks", 0, 0, 48, 48, 48)
    made = painted(tmp_path, clip, encoders, Pictures(regions=[Region(region, OTHER)]))
    assert np.isfinite(made).all() and changed(made[0], frames[0]).mean() < 1
    assert changed(made[4], frames[4])[:40].mean() > changed(made[4], frames[4])[60:].mean() + 20


def test_masks_are_those_of_the_frames_that_are_painted(tmp_path, frames, clip, encoders):
    """Also of a part, and where it was stopped and went on."""
    keep = masks(tmp_path / "masks", 0, 0, 64, 32, 96)
    pictures = Pictures(styles=[STYLE], keep=keep)
    whole = painted(tmp_path, clip, encoders, pictures, "whole", choice=Choice(every=2))
    assert changed(whole[1], frames[2])[:60].max() < 1 < changed(whole[1], frames[2])[70:].mean()
    assert changed(whole[2], frames[4]).max() < 1
    session = ClipSession(clip, QUICK, pictures, tmp_path / "out", encoders=encoders, choice=Choice(every=2))
    events = session.events()
    next(event for event in events if isinstance(event, Painted))
    events.close()
    again = painted(tmp_path, clip, encoders, pictures, choice=Choice(every=2))
    assert np.array_equal(whole, again)


def test_masks_of_another_clip_are_refused(impasto, tmp_path, clip):
    for name, edges in {"few": (48, 48), "small": (48,) * 5}.items():
        masks(tmp_path / name, *edges)
    for mask in (tmp_path / "small").iterdir():
        Image.open(mask).resize((48, 48)).save(mask)
    for name, words in {"few": "has 2 frames of 96x48", "small": "has 5 frames of 48x48"}.items():
        with pytest.raises(UsageError, match=words):
            ClipSession(clip, QUICK, Pictures(styles=[STYLE], keep=str(tmp_path / name)), tmp_path / "out.mkv")
    command = ["video", str(clip.path), "swatch:mosaic", "-o", str(tmp_path / "out.mp4")]
    code, _, err = impasto(*command, "--keep", str(tmp_path / "few"))
    assert code == 2 and "the clip has 5" in err
