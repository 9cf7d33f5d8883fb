"""Fixtures that several tests share: numbers, pictures, small networks.  All are the same at every run."""

import os
import signal
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # where cores are shared, threads that spin cost 50 times as much

if "PYTEST_XDIST_WORKER" in os.environ:  # each of several processes on a core of its own, and so do those they start
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch

import impasto.painter
import impasto.plan
from impasto.cli import main
from impasto.encoders.catalog import build_encoder
from impasto.encoders.chain import ChainEncoder
from impasto.encoders.packed import compact_weights
from impasto.encoders.preprocessing import Preprocessing
from impasto.encoders.vgg import BLOCK_DEPTHS
from impasto.images import load_image, resize, size_for
from impasto.loading import Encoders
from impasto.memory import give_back

# What `nohup`, or a shell that puts a command into the background, has told to be ignored, children would ignore too.
for name, usual in (("SIGINT", signal.default_int_handler), ("SIGHUP", signal.SIG_DFL)):
    if getattr(signal, name, None) and signal.getsignal(getattr(signal, name)) == signal.SIG_IGN:
        signal.signal(getattr(signal, name), usual)

# A command keeps freed memory until it ends, and a painter its networks: the process of the tests would only grow.
impasto.plan.keep_freed = lambda *_: None

SHARED = Path(__file__).parents[1] / ".." / "shared"


@pytest.fixture(scope="module", autouse=True)
def networks_let_go():
    """What the functions of `impasto` keep goes after each file."""
    yield
    impasto.painter._painter._encoders = Encoders()
    give_back()


@pytest.fixture(scope="module")
def encoders():
    """Networks that are loaded once for a file."""
    return Encoders()


@pytest.fixture(name="impasto")
def the_command(capsys):
    """impasto(*arguments): run the command; returns (exit code, standard output, standard error)."""

    def run(*arguments):
        with pytest.raises(SystemExit) as left:
            main(arguments)
        captured = capsys.readouterr()
        return left.value.code, captured.out, captured.err

    return run


@pytest.fixture
def untimed(monkeypatch):
    """Plans in which nothing takes any time, where that is not asked: to measure it takes seconds.

    What would be measured is made once, small, and not carried out.
    """
    monkeypatch.setattr("impasto.plan.fastest", lambda _: 0.0)
    monkeypatch.setattr("impasto.plan._line", lambda _, level, small: (0.0, 0.0) if small(level, 128) else None)


@pytest.fixture
def normal():
    """normal(*shape): numbers of mean 0 and variance 1 in float64, new ones at each call."""
    generator = torch.Generator().manual_seed(0)
    return lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64)


@pytest.fixture
def uniform():
    """uniform(*shape): numbers in [0, 1) in float64, new ones at each call."""
    generator = torch.Generator().manual_seed(1)
    return lambda *shape: torch.rand(*shape, generator=generator, dtype=torch.float64)


@pytest.fixture(scope="session")
def vgg_tensors():
    """vgg_tensors(architecture, widths): random filters that keep activations near 1."""

    def make(architecture="vgg19", widths=(4, 5, 6, 7, 8), dtype=torch.float32):
        generator = torch.Generator().manual_seed(2)
        tensors, channels = {}, 3
        for block, (depth, width) in enumerate(zip(BLOCK_DEPTHS[architecture], widths, strict=False), 1):
            for i in range(1, depth + 1):
                filters = torch.randn(width, channels, 3, 3, generator=generator, dtype=dtype)
                tensors[f"conv{block}_{i}.weight"] = filters * (2 / (9 * channels)) ** 0.5
                tensors[f"conv{block}_{i}.bias"] = 0.1 * torch.randn(width, generator=generator, dtype=dtype)
                channels = width
        return tensors

    return make


@pytest.fixture(scope="session")
def small_encoder(vgg_tensors):
    """A VGG-19 of random narrow filters, in float64."""
    colors = Preprocessing.standardised((0.5, 0.4, 0.6), (0.25, 0.3, 0.2))
    return ChainEncoder("small", vgg_tensors(dtype=torch.float64), colors, dtype=torch.float64)


@pytest.fixture(scope="session")
def compact():
    """The built-in encoder."""
    return build_encoder(compact_weights())


@pytest.fixture(scope="session")
def shared_folder():
    """shared_folder(name): a folder of test material beside the checkout; the test is skipped where it is absent."""

    def find(name):
        folder = SHARED / name
        if not folder.is_dir():
            pytest.skip(f"needs ../shared/{name}")
        return folder

    return find


@pytest.fixture(scope="session")
def photographs(shared_folder):
    """Six photographs with a long side of 256, (1, 3, H, W) each."""
    files = sorted(shared_folder("images/pairs/content").glob("*.jpg"))[::2]
    pictures = [load_image(file).pixels for file in files]
    return [resize(p, *size_for(*p.shape[-2:], 256)) for p in pictures]
