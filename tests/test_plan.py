"""Bytes in closed form beside those that are counted, and what is chosen to keep within them."""

import re
from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from impasto import footprint, plan
from impasto.bench import LiveBytes
from impasto.encoders.base import Sums
from impasto.encoders.catalog import build_encoder
from impasto.encoders.chain import ChainEncoder
from impasto.encoders.packed import compact_weights, vgg19_weights
from impasto.encoders.preprocessing import CAFFE_BGR
from impasto.engine import iterate
from impasto.errors import UsageError
from impasto.fitting import View
from impasto.footprint import PICTURE, Bytes, Footprint, Look, Work, pictures_held
from impasto.objective import Evaluation
from impasto.plan import Plan, within_memory
from impasto.ranges import parse_bytes
from impasto.recipe import Recipe
from impasto.schedule import Level, Pyramid
from impasto.solvers import LBFGS, SGD, Adam, Averaged, Clamped, InUnits, RMSprop, history

RELUS = tuple(name for name in build_encoder(compact_weights()).layers if name.startswith("relu"))
SOLVER = LBFGS(history=10)
MB = 10**6
TAKEN = 300 * MB


def encoder(**settings):
    return build_encoder(compact_weights(), **settings)


def work(levels, scale=1.0, dtype=torch.float32, **settings):
    """The default preset's, with one style of the picture's shape."""
    styles = tuple(((round(level.height * scale), round(level.width * scale)),) for level in levels)
    return Work((Look(encoder(dtype=dtype), RELUS, ("relu4_2",)),) * len(levels), styles, **settings)


def levels(size, iterations=90):
    return Pyramid().levels(size * 3 // 4, size, iterations)


def planned(levels, small=None, memory=None, dtype=torch.float32):
    """These levels of the default preset within `memory`."""
    seen = work(levels, dtype=dtype)
    return within_memory(
        Plan((View(0, Recipe(), seen.encoder, seen.encoder),), SOLVER, tuple(levels)), seen, small or unused, memory
    )


def unused(level, side):
    raise AssertionError("nothing is timed before somebody asks")


# Closed forms -------------------------------------------------------------------------------------------------------


def counted(network, summed, wanted, side=128):
    """Bytes per pixel of tensors made by the network, forward alone and with the way back."""
    for needs_grad in (False, True):
        image = torch.rand(1, 3, side, side, requires_grad=needs_grad)
        with LiveBytes() as live:
            sums, features = network.sums(image, [Sums(layer) for layer in summed], wanted)
            if needs_grad:
                value = sum(m.second.sum() + m.first.sum() for m in sums.values()) + sum(
                    f.sum() for f in features.values()
                )
                torch.autograd.grad(value, image)
            del sums, features
        yield live.peak / side**2


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("padding", ["reflect", "zeros"])
@pytest.mark.parametrize("pooling", ["max", "average", "l2"])
@pytest.mark.parametrize("summed", [RELUS, ("relu1_1",), ("relu1_2", "relu3_1")])
def test_the_footprint_of_the_built_in_encoder(dtype, padding, pooling, summed):
    network = encoder(dtype=dtype, padding=padding, pooling=pooling)
    found = Footprint.of(network, summed, ())
    forward, evaluation = counted(network, summed, ())
    assert found.forward == pytest.approx(forward, rel=0.3)
    assert found.evaluation == pytest.approx(evaluation, rel=0.25)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_footprint_of_vgg19(dtype):
    network = ChainEncoder("vgg19", vgg19_weights().tensors, CAFFE_BGR, dtype=dtype)
    layers = [f"relu{block}_1" for block in range(1, 6)]
    _, evaluation = counted(network, layers, ["relu4_2"], 256)
    found = Footprint.of(network, layers, ())
    assert found.evaluation == pytest.approx(evaluation, rel=0.25)


class Bowl:
    """A smooth problem that keeps every solver busy; `held` are the bytes at each evaluation."""

    def __init__(self, live):
        self.live, self.held = live, []

    def initial(self, level):
        return torch.linspace(0, 1, 3 * level.height * level.width).reshape(1, 3, level.height, level.width)

    def objective(self, level):
        return self

    def evaluate(self, image):
        self.held.append(self.live.now)
        grad = image * torch.linspace(0.1, 1, image.shape[-1])
        return Evaluation((grad * image).sum() / 2, grad, {})


SOLVERS = (LBFGS(history=4), Adam(), RMSprop(), SGD(), Averaged(Clamped(Adam())), InUnits(LBFGS(history=4), 255.0))


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_pictures_of_a_solver(solver):
    side, iterations = 64, 8
    with LiveBytes() as live:
        bowl = Bowl(live)
        for _ in iterate(bowl, solver, [Level(side, side, iterations)]):
            pass
    picture = PICTURE * side**2
    held = pictures_held(solver, iterations)
    assert held == pytest.approx(max(bowl.held) / picture, abs=3.1)
    assert live.peak / picture == pytest.approx(held + footprint.GRADIENTS + footprint.STEP, abs=4)


def test_a_history_takes_two_pictures_for_each_pair_it_can_have():
    most = [pictures_held(LBFGS(history=pairs), 100) for pairs in (2, 3, 10)]
    assert [b - a for a, b in pairwise(most)] == [2, 14]
    assert pictures_held(LBFGS(history=10), 5) == pictures_held(LBFGS(history=3), 100)


# Style images -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("scale", "more"), [(3, 600 * MB), (10, 2000 * MB)])
def test_larger_styles_take_more_and_all_of_their_pixels_count(scale, more):
    found = levels(1024 if scale == 3 else 512)
    usual, large = (Bytes.of(work(found, each), SOLVER, found).near for each in (1, scale))
    pixels = [scale**2 * level.height * level.width for level in found]
    assert large - usual >= PICTURE * (sum(pixels) - sum(pixels) / scale**2)
    assert large - usual < more


def test_the_network_sees_no_more_of_a_style_than_of_three_pictures():
    (level,) = Pyramid(most=1).levels(384, 512, 1)
    sees = work([level])
    at = [sees.looks[0].network(level, [(round(384 * scale), round(512 * scale))]) for scale in (1, 1.7, 1.8, 10)]
    assert at[0] < at[1]
    assert max(at[2:]) <= at[1]


# Plans --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def spare(monkeypatch):
    """spare(bytes): that much memory is free, and 300 MB are taken."""
    monkeypatch.setattr(plan, "resident_memory", lambda device: TAKEN)
    return lambda free: monkeypatch.setattr(plan, "free_memory", lambda device: free)


def test_where_memory_is_plenty_nothing_is_changed(spare):
    spare(64 * 10**9)
    found = levels(1024)
    chosen = planned(found)
    assert (chosen.solver, chosen.levels, chosen.notes) == (SOLVER, found, ())


def test_what_is_chosen_keeps_within_what_is_allowed(spare):
    spare(64 * 10**9)
    found, tiles = levels(1024), []
    for more in (1500, 800, 500, 330):
        memory = TAKEN + more * MB
        chosen = planned(found, memory=memory)
        assert chosen.estimate.memory <= memory
        tiles.append(chosen.levels[-1].tile or 1024)
    assert tiles == sorted(tiles, reverse=True)
    assert tiles[0] == 1024
    assert tiles[-1] < 512


def test_what_is_chosen_without_a_limit_leaves_a_tenth_of_what_is_free(spare):
    spare(700 * MB)
    found = levels(1024)
    chosen = planned(found)
    assert chosen.estimate.taken.near <= 0.9 * 700 * MB
    assert "tiles" in chosen.notes[-1]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("size", [512, 700, 1024, 4096])
def test_the_least_that_is_named_is_enough(spare, size, dtype):
    spare(64 * 10**9)
    found = levels(size)
    with pytest.raises(UsageError) as refused:
        planned(found, memory=TAKEN + 10 * MB, dtype=dtype)
    least = re.search(r"at least ([\d.]+ [MG]B)", str(refused.value))
    memory = parse_bytes(least[1])
    chosen = planned(found, memory=memory, dtype=dtype)
    assert chosen.estimate.memory <= memory
    assert history(chosen.solver) < 10
    assert f"L-BFGS remembers {history(chosen.solver)} steps, not 10" in chosen.notes[-1]


def test_short_formats_take_a_kernel_for_each_kind_of_tile():
    found = [replace(levels(1024)[-1], tile=342)]
    short, usual = (Bytes.of(work(found, dtype=d), SOLVER, found).near for d in (torch.bfloat16, torch.float32))
    kernels = work(found, dtype=torch.bfloat16).kernels(found)
    assert kernels == 6 * footprint.SHORT_KERNELS
    assert short > usual - 60 * MB


def test_time_is_measured_when_it_is_asked_for(spare):
    spare(64 * 10**9)
    asked, found = [], levels(256, 10)
    network = encoder()

    def small(level, side):
        asked.append(side)
        image = torch.rand(1, 3, side, side)
        return lambda: network(image, ["relu1_1"])

    estimate = planned(found, small).estimate
    assert asked == []
    assert 0 < estimate.seconds < 60
    assert asked == [128, 256]
