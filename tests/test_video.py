"""Frames are painted so that nothing flickers: flow, what holds a frame to the one before, what comes into sight."""

from dataclasses import replace
from functools import reduce
from itertools import pairwise

import numpy as np
import pytest
import torch

import films
from films import RECIPE, STYLE, painted
from impasto.preparation import Pictures
from impasto.presets import preset
from impasto.schedule import Pyramid
from impasto.solvers import LBFGS, InUnits
from impasto.temporal import Past

pytest.importorskip("av", reason="needs the extra `video`")
pytest.importorskip("cv2", reason="needs the extra `video`")


from impasto.video.flow import motion, resampled
from impasto.video.reading import planes
from impasto.video.shot import Canvas, Made, Shot, Shown, Stretch
from impasto.video.shots import is_cut, pieces


def film(frames, encoders, recipe=RECIPE):
    """The frames of one shot, painted."""
    shot = Shot(Shown(frames[0]), recipe, Pictures(styles=[STYLE]), encoders)
    opening, *others = pieces(map(Shown, frames), recipe.keyframe_interval, lambda number: number == 1)
    made = [Made(opening.frames[0], painted(shot.opening()))]
    for piece in others:
        stretch = Stretch(made[-1], piece.frames, piece.motions)
        for place in stretch.order:
            paint = shot.ahead if stretch.is_ahead(place) else shot.next
            stretch.add(place, painted(paint(stretch.shown(place), stretch.past(place), made[0].canvas)))
        made += [stretch.made(place) for place in sorted(stretch.order)]
    return [each.canvas for each in made]


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


def test_what_is_plain_moves_with_what_is_around():
    """A plain disk on a texture: no flow is sure of itself in it, but it is relied on, and it moves with the camera."""
    scene = films.texture(90, 120)
    y, x = np.mgrid[:90, :120]
    scene[np.hypot(x - 60, y - 45) < 22] = (200, 180, 90)
    before, now = scene[5:75, 10:100].copy(), scene[7:77, 13:103].copy()
    moved = motion(before, now)
    inside = (..., slice(26, 50), slice(35, 60))
    assert moved.reliable[inside].mean() > 0.95
    assert (moved.back[inside] - torch.tensor([3.0, 2.0])[None, :, None, None]).abs().mean() < 0.5


def test_where_motions_meet_is_relied_on_if_it_looks_the_same():
    """The upper half slides along the lower one: nothing is hidden between."""
    scene = films.texture(60, 110)
    before, now = scene[:, 10:90].copy(), scene[:, 10:90].copy()
    now[:30] = scene[:30, 12:92]
    assert motion(before, now).reliable[0, 0, 25:35, 12:-12].mean() > 0.7


def test_a_slow_camera_does_not_draw_its_border_out():
    """By half a pixel a frame: the border is new in part in each, and all the rest is not."""
    scene = films.texture(60, 82).astype(float)
    before, now = (frame.astype(np.uint8) for frame in (scene[:, :80], (scene[:, :80] + scene[:, 1:81]) / 2))
    reliable = motion(before, now).reliable[0, 0, 5:-5]
    assert 0.1 < reliable[:, -1].mean() < 0.8 and reliable[:, :-2].mean() > 0.97


def test_grain_is_not_taken_for_motion():
    """Where nothing moves, but every frame has other noise, hardly anything is new."""
    frames = [frame.astype(float) for frame in films.pan(2, 60, 80, step=(0, 0))]
    grain = np.random.default_rng(0).normal(0, 5, (2, 60, 80, 3))
    before, now = (np.clip(f + g, 0, 255).astype(np.uint8) for f, g in zip(frames, grain, strict=True))
    moved = motion(before, now)
    assert moved.reliable[..., 6:-6, 6:-6].mean() > 0.97
    now[20:40, 30:50] = films.texture(20, 20, seed=3)
    assert motion(before, now).reliable[0, 0, 24:36, 34:46].mean() < 0.3


def test_warping_by_nothing_changes_nothing():
    image = planes(films.texture(20, 30))
    assert torch.allclose(resampled(image, torch.zeros(1, 2, 20, 30)), image, atol=1e-6)


def test_a_new_shot_is_told_from_motion():
    first, second = films.pan(4, 60, 80), films.pan(2, 60, 80, seed=9)
    assert not is_cut(first[0], first[3], motion(first[0], first[3]))
    assert is_cut(first[0], 255 - second[0], motion(first[0], 255 - second[0]))


# Painting


def test_frames_hold_still_and_are_not_blurred(encoders):
    """Moved as the camera moved, a frame is the one before; independent ones differ several times as much."""
    frames = films.pan(6, 64, 80)
    recipe = replace(RECIPE, iterations=16)
    ours = [canvas.image for canvas in film(frames, encoders, recipe)]
    apart = [painted(Shot(Shown(f), recipe, Pictures(styles=[STYLE]), encoders).opening()).image for f in frames[:2]]

    def e_warp(pictures):
        pairs = pairwise(pictures)
        return np.mean([np.square(a[1:-8, 2:-8] / 255 - b[:-9, :-10] / 255).mean() for a, b in pairs]) ** 0.5

    def fine(picture):
        return np.abs(np.diff(picture.astype(float), axis=1)).mean()

    assert e_warp(ours) < 0.03
    assert e_warp(ours) < e_warp(apart) / 2.5
    assert fine(ours[-1]) > 0.9 * fine(ours[0])


def test_key_frames_hold_what_comes_into_sight(encoders):
    """It is at once as it will be, and not as it would be beside the frame before alone."""
    frames = films.pan(9, 96, 128, step=(0, 4))

    def changed(interval):
        canvases = film(frames, encoders, replace(RECIPE, keyframe_interval=interval))
        first, last = canvases[4].image[4:-4, 121:127].astype(float), canvases[8].image[4:-4, 105:111]
        return np.square(first - last).mean() ** 0.5

    assert changed(8) < 0.6 * changed(1)


def test_motions_add_up():
    """Eight steps of a pixel and a half are one of twelve, also by the flow between the two frames."""
    fine = films.pan(9, 128, 192, step=(0, 3))
    frames = [each.reshape(64, 2, 96, 2, 3).mean((1, 3)).astype(np.uint8) for each in fine]
    moved = reduce(lambda earlier, later: later.after(earlier), (motion(*pair) for pair in pairwise(frames)))
    direct = motion(frames[0], frames[8])
    inner = (..., slice(8, -8), slice(8, -24))
    for each, most in ((moved, 0.3), (moved.refined(direct), 0.15)):
        assert (each.back[inner] - torch.tensor([12.0, 0.0])[None, :, None, None]).abs().mean() < most
        assert each.reliable[inner].mean() > 0.95 and each.reliable[..., -8:].max() == 0
    torn = replace(direct, back=direct.back + 3)
    assert torch.equal(moved.refined(torn).back, moved.back)


def test_key_frames_are_made_as_pictures_are(encoders):
    """Where something has come into sight, coarse to fine; what is held stays as it was."""
    frames = films.pan(3, 64, 96, step=(0, 12))
    recipe = replace(RECIPE, schedule=Pyramid(48, 2.0, (1, 1), evaluations=12))
    shot = Shot(Shown(frames[0]), recipe, Pictures(styles=[STYLE]), encoders)
    first = painted(shot.opening())
    stretch = Stretch(Made(Shown(frames[0]), first), [*map(Shown, frames[1:])], [None, None])
    assert stretch.order == (2, 1) and [*map(stretch.is_ahead, (1, 2))] == [False, True]
    run = shot.ahead(stretch.shown(2), stretch.past(2), first)
    assert [level.width for level in run.plan.levels] == [48, 96]
    canvas = painted(run)
    held = np.abs(canvas.image[4:-4, 4:64].astype(float) - first.image[4:-4, 28:88])
    assert held.mean() < 4 and canvas.settled.min() == 255
    still = Stretch(Made(Shown(frames[0]), first), [Shown(frames[0])] * 2, [None, None])
    assert len(shot.ahead(still.shown(2), still.past(2), first).plan.levels) == 1


def test_what_was_hidden_comes_back_from_a_key_frame():
    """And where the frame before is still, it is taken, to the bit."""
    one, zero = torch.ones(1, 1, 2, 3), torch.zeros(1, 1, 2, 3)
    hidden = one.clone()
    hidden[..., 0] = 0
    still = zero.clone()
    still[..., 2] = 1
    near = Past(0.2 * torch.ones(1, 3, 2, 3), hidden, hidden, still)
    both = near.beside((Past(0.8 * torch.ones(1, 3, 2, 3), one, one, zero), 1.0))
    assert torch.allclose(both.warped[0, 0, 0], torch.tensor([0.8, 0.5, 0.2]))
    assert both.reliable.min() == both.settled.min() == 1
    assert torch.equal(both.warped[..., 2], near.warped[..., 2])


def test_a_still_clip_is_one_picture(encoders):
    canvases = film(films.pan(1, 48, 64) * 4, encoders)
    assert all(np.array_equal(canvas.image, canvases[0].image) for canvas in canvases)


def test_what_comes_into_sight_is_painted(encoders):
    """In colors and strokes of the style, not as it is in the clip; and it is held once it has settled."""
    frames = films.pan(10, 64, 80, step=(0, 4))
    canvases = film(frames, encoders, replace(RECIPE, frame_iterations=6))
    new = slice(80 - 24, 80 - 4)  # came into sight in the last frames
    bare = Shot(Shown(frames[-1]), preset("palette"), Pictures(styles=[STYLE]), encoders)
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
    shot = Shot(Shown(frames[0]), recipe, Pictures(styles=[STYLE]), encoders)
    first = painted(shot.opening())
    past = Made(Shown(frames[0]), Canvas(first.image, 0 * first.settled)).past(Shown(frames[1]), motion(*frames))
    run = shot.next(Shown(frames[1]), past, first)
    level = run._run.plan.levels[0]
    problem = run._run.problem
    unlit = Shot(Shown(frames[0]), recipe, Pictures(styles=[STYLE]), encoders).opening()._run.problem
    assert torch.allclose(problem._recolored(level)[..., 20:, 20:], unlit._recolored(level)[..., 20:, 20:], atol=1e-5)


def test_what_is_kept_is_the_clips_own(tmp_path, encoders):
    frames, mask = films.pan(3), np.zeros((48, 64, 3), np.uint8)
    mask[:, :32] = 255
    shot = Shot(Shown(frames[0]), RECIPE, Pictures(styles=[STYLE], keep=mask), encoders)
    first = painted(shot.opening())
    past = Made(Shown(frames[0]), first).past(Shown(frames[1]), motion(*frames[:2]))
    run = shot.next(Shown(frames[1]), past, first)
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


def test_any_number_of_masks_is_carried_along(uniform):
    masks, back = uniform(1, 6, 20, 30), torch.full((1, 2, 20, 30), 1.5)
    alone = [resampled(masks[:, i : i + 1], back) for i in range(6)]
    assert torch.allclose(resampled(masks, back), torch.cat(alone, 1), atol=1e-6)
