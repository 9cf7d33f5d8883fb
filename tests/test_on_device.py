"""What an accelerator is asked for: nothing that makes the program wait for it, nothing that it does not have.

PyTorch's `meta` device knows shapes and no values: what is computed there is read back nowhere.
"""

import re
from pathlib import Path

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import impasto
from impasto.choices import SOLVERS
from impasto.encoders.chain import ChainEncoder
from impasto.encoders.preprocessing import IMAGENET_RGB
from impasto.instant import Style, load_instant
from impasto.losses import (
    covariance_error,
    gram_error,
    mean_std_error,
    nine_point_variation,
    out_of_range,
    relative_squared_error,
    total_variation,
    wasserstein2,
)
from impasto.neighbors import NeighborTerm, Places
from impasto.objective import WholeObjective
from impasto.solvers import LBFGS, RMSprop, solver_of, two_loop
from impasto.statistics import moments
from impasto.temporal import Past
from impasto.terms import ContentTerm, PixelTerm, StyleTerm
from impasto.tiled import TiledObjective
from material import content, style

META = torch.device("meta")


def on_meta(*shape):
    return torch.empty(shape, device=META)


@pytest.fixture
def terms(vgg_tensors):
    """An encoder on the meta device, and terms of every kind."""
    encoder = ChainEncoder("small", vgg_tensors("vgg16", (3, 4, 5, 6)), IMAGENET_RGB, device=META)
    layers = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
    targets = encoder(on_meta(1, 3, 96, 64), (*layers, "relu4_2"))
    losses = (gram_error, mean_std_error, covariance_error, wasserstein2)
    styles = [StyleTerm(name, moments(targets[name]), 1.0, loss) for name, loss in zip(layers, losses, strict=True)]
    images = [PixelTerm(loss.__name__, 1.0, loss) for loss in (total_variation, nine_point_variation, out_of_range)]
    return encoder, [ContentTerm("relu4_2", targets["relu4_2"], 1.0, relative_squared_error), *styles, *images]


@pytest.mark.parametrize("objective", [WholeObjective, lambda encoder, terms: TiledObjective(encoder, terms, 32)])
def test_an_evaluation_reads_nothing_back(terms, objective):
    found = objective(*terms).evaluate(on_meta(1, 3, 96, 64))
    assert found.grad.shape == (1, 3, 96, 64)
    assert {t.device for t in (found.loss, found.grad, *found.terms.values())} == {META}


@pytest.mark.parametrize(
    "solver", [solver_of(SOLVERS["adam"]), solver_of(SOLVERS["rmsprop"]), RMSprop(epsilon_placement="outside")]
)
def test_first_order_steps_read_nothing_back(solver):
    image = on_meta(1, 3, 8, 8)
    state = solver.init(image)
    for _ in range(2):
        image, state = solver.step(lambda x: (on_meta(), torch.empty_like(x)), image, state)
    assert solver.result(image, state).device == META


def test_the_quasi_newton_direction_reads_nothing_back():
    pairs = tuple((on_meta(1, 3, 8, 8), on_meta(1, 3, 8, 8), 0.5) for _ in range(3))
    assert two_loop(on_meta(1, 3, 8, 8), pairs).device == META


def test_a_quasi_newton_step_reads_back_once(monkeypatch, normal):
    reads, tolist = [], torch.Tensor.tolist

    class Watched(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            if func is torch.ops.aten._local_scalar_dense.default:
                reads.append("item")
            return func(*args, **(kwargs or {}))

    def value_and_grad(x):
        return (x**4).sum() / 4, x**3

    solver, image = LBFGS(history=4), normal(1, 3, 8, 8)
    state = solver.init(image)
    image, state = solver.step(value_and_grad, image, state)  # the first two have no curvature to go by
    image, state = solver.step(value_and_grad, image, state)
    monkeypatch.setattr(torch.Tensor, "tolist", lambda self: reads.append("tolist") or tolist(self))
    with Watched():
        for _ in range(6):
            image, state = solver.step(value_and_grad, image, state)
    assert len(state.pairs) == 4
    assert reads == ["tolist"] * 6


def operations_of(work):
    """The names of all that PyTorch computes in `work`, as its list of functions has them."""
    found = set()

    class Watched(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            found.add(func.name().removeprefix("aten::"))
            return func(*args, **(kwargs or {}))

    with Watched():
        work()
    return found


def of_apple():
    """name: whether it is there on Apple's devices, of every function in PyTorch's own list."""
    listed = Path(torch.__file__).parents[1] / "torchgen/packaged/ATen/native/native_functions.yaml"
    if not listed.is_file():
        pytest.skip("this PyTorch comes without its list of functions")
    entries = re.split(r"\n(?=- func: )", listed.read_text(encoding="utf-8"))
    by_name = {found[1]: entry for entry in entries if (found := re.match(r"- func: ([\w.]+)\(", entry))}

    def there(entry):
        delegate = re.search(r"structured_delegate: ([\w.]+)", entry)
        shown = entry + (by_name[delegate[1]] if delegate else "")
        return "dispatch:" not in shown or re.search(r"^ +[\w, ]*(MPS|Composite)[\w, ]*:", shown, re.MULTILINE)

    return {name: bool(there(entry)) for name, entry in by_name.items()}


def test_every_operation_of_a_default_run_exists_on_apples_devices():
    """But for eigenvalues, which are left to the CPU; here there is nothing else, so that they are found."""
    there, run = of_apple(), impasto.prepare(content(), [style()], size=128, iterations=6)
    missing = {name for name in operations_of(lambda: list(run)) if not there.get(name, True)}
    assert missing == {"_linalg_eigh"}


@pytest.mark.parametrize("amount", [0.5, 1.0])
def test_a_pass_of_the_network_stays_on_the_device(amount):
    styles = [Style([on_meta(1, 3, 48, 32)], [None], [1.0])]
    painted = load_instant(META).paint(on_meta(1, 3, 32, 40), styles, amount=amount, freedom=0.3)
    assert (painted.shape, painted.device) == ((1, 3, 32, 40), META)


def test_neighbors_are_weighed_where_the_encoder_is(vgg_tensors, monkeypatch):
    class Found:
        def nearest(self, rows):
            return torch.zeros(len(rows["relu2_1"]), dtype=torch.int64, device=META)

    monkeypatch.setattr(Places, "of", lambda *_: Found())
    encoder = ChainEncoder("small", vgg_tensors("vgg16", (3, 4, 5, 6)), IMAGENET_RGB, device=META)
    picture, where = on_meta(1, 3, 32, 32), torch.ones(1, 1, 32, 32)
    term = NeighborTerm.of((encoder, encoder), picture, [picture], {"relu2_1": 1.0}, 1.0, 32, where)
    assert (term.where.device, term.count) == (META, 16 * 16)


def test_a_frame_of_a_clip_goes_along_to_where_its_pictures_are_kept():
    quick = {"preset": "fast", "init": "content", "size": 32, "iterations": 1, "device": "cpu"}
    run = impasto.prepare(content(32, 32), style(32, 32), **quick)
    frame, level = torch.zeros(1, 3, 32, 32), run.plan.levels[-1]
    past = Past(frame, *[torch.ones(1, 1, 32, 32)] * 3)
    moved = run.problem.showing(frame, past, frame).kept_on(META)
    assert moved.initial(level).device == META
