"""Weight files that mean harm: a plain error soon, no code, no memory, no other file."""

from __future__ import annotations

import os
import pickle
import resource
import sys
import time
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from impasto.encoders.weights import load_weights
from impasto.errors import WeightsError

h5py = pytest.importorskip("h5py")
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits memory by Linux's means")


def hdf5(path, fill):
    with h5py.File(path, "w") as file:
        fill(file)


def conv(file, number, **kernel):
    group = file.create_group(f"block1_conv{number}")
    group.create_dataset("kernel:0", **{"dtype": "f4", **kernel})
    group.create_dataset("bias:0", data=np.zeros(4, "f4"))


def many(file):
    """Seventeen kilobytes whose arrays, each of a size that passes, take ten gigabytes."""
    for number in range(1, 10):
        conv(file, number, shape=(3, 3, 4096, 7000), chunks=(1, 1, 4096, 7000), compression="gzip")


def external(file):
    file["block1_conv1"] = h5py.ExternalLink("good.h5", "block1_conv1")


def root_elsewhere(file):
    file["model_weights"] = h5py.ExternalLink("fifo", "/")


def by_a_soft_link(file):
    conv(file, 1, data=np.zeros((3, 3, 3, 4), "f4"))
    file["layers"] = h5py.SoftLink("/nowhere")


def data_elsewhere(file):
    group = file.create_group("block1_conv1")
    group.create_dataset("kernel:0", (3, 3, 3, 4), "f4", external=[("fifo", 0, h5py.h5f.UNLIMITED)])
    group.create_dataset("bias:0", data=np.zeros(4, "f4"))


def groups_for_data(file):
    file.create_group("block1_conv1/kernel:0")
    file.create_group("block1_conv1/bias:0")


def huge_chunk(file):
    conv(file, 1, shape=(3, 3, 3, 4), maxshape=(None,) * 4, chunks=(1024, 1024, 16, 60))


@pytest.mark.parametrize(
    "fill", [many, external, root_elsewhere, data_elsewhere, groups_for_data], ids=lambda fill: fill.__name__
)
def test_hdf5_files_that_mean_harm_are_refused(tmp_path, fill):
    hdf5(tmp_path / "good.h5", lambda file: conv(file, 1, data=np.zeros((3, 3, 3, 4), "f4")))
    os.mkfifo(tmp_path / "fifo")
    hdf5(tmp_path / "bad.h5", fill)
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(WeightsError, match=r"Cannot use .*bad\.h5: "):
        load_weights(tmp_path / "bad.h5")
    assert time.monotonic() - began < 10
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KB


@pytest.mark.parametrize("fill", [by_a_soft_link, huge_chunk], ids=lambda fill: fill.__name__)
def test_hdf5_links_are_not_followed_and_a_chunk_is_no_more_than_it_is(tmp_path, fill):
    hdf5(tmp_path / "odd.h5", fill)
    assert load_weights(tmp_path / "odd.h5").tensors["conv1_1.weight"].shape == (4, 3, 3, 3)


@pytest.mark.parametrize("code", ["while True: pass", "import os; os.abort()", "bytearray(4 << 30)"])
def test_a_library_that_hangs_crashes_or_swells_is_a_damaged_file(tmp_path, monkeypatch, code):
    """A module in the place of h5py, for what only some damaged files do to some versions of libhdf5."""
    (tmp_path / "h5py.py").write_text(f"def File(*_):\n    {code}")
    (tmp_path / "any.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(99))
    monkeypatch.syspath_prepend(tmp_path)
    began = time.monotonic()
    with pytest.raises(WeightsError, match="damaged"):
        load_weights(tmp_path / "any.h5")
    assert time.monotonic() - began < 20


# Files of PyTorch ---------------------------------------------------------------------------------------------------


class Calls:
    """An object whose pickle calls for `made` of `arguments`."""

    def __init__(self, made, *arguments):
        self._made = made, arguments

    def __reduce__(self):
        return self._made


def zeros():
    return torch.zeros(4, 3, 3, 3)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (lambda: Calls(bytearray, 20 << 30), "there is code in it .*bytearray"),
        (lambda: zeros().to_sparse(), "there is code in it .*sparse"),
        (lambda: torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)]), "there is code in it .*nested"),
        (lambda: torch.zeros(4, 3, 3, 3, device="meta"), "there is code in it .*meta"),
        (lambda: torch.quantize_per_tensor(zeros(), 0.1, 0, torch.qint8), "there is code in it .*qtensor"),
        (lambda: zeros()[0, 0, 0, 0].clone(), "damaged|filters of VGG"),
        (lambda: torch.zeros(1).expand(1 << 20, 3, 3, 3), "far more than any VGG's"),
    ],
    ids=["bytearray", "sparse", "nested", "meta", "quantized", "scalar", "expanded"],
)
@pytest.mark.filterwarnings("ignore")
def test_odd_tensors_are_refused(tmp_path, value, reason, legacy):
    state = {"0.weight": value(), "0.bias": torch.zeros(4), "1.weight": torch.zeros(1, 1).expand(8192, 8192)}
    torch.save(state, tmp_path / "odd.pth", _use_new_zipfile_serialization=not legacy)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(WeightsError, match=reason):
        load_weights(tmp_path / "odd.pth")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


@pytest.mark.parametrize("key", ["features.{}.weight", "{}.weight", "conv{}_1.weight"])
@pytest.mark.parametrize("number", ["9" * 5000, "٣", "007", "-1"])
def test_numbers_that_are_none_are_no_layers(tmp_path, key, number):
    save_file({key.format(number): zeros(), key.format(number).replace("weight", "bias"): zeros()}, tmp_path / "f")
    with pytest.raises(WeightsError, match=r"Cannot use .*f: "):
        load_weights(tmp_path / "f")


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-1] + b"\xff", lambda data: data.replace(b"data.pkl", b"dat\xff.pkl")]
)
def test_a_damaged_archive_is_told_plainly(tmp_path, damage):
    torch.save({"0.weight": zeros()}, tmp_path / "good.pth")
    (tmp_path / "bad.pth").write_bytes(damage((tmp_path / "good.pth").read_bytes()))
    with pytest.raises(WeightsError, match=r"Cannot use .*bad\.pth: "):
        load_weights(tmp_path / "bad.pth")


def test_bytes_that_lie_under_two_names_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "twice.pth", "w") as archive:
        archive.writestr("x/data.pkl", pickle.dumps({}, protocol=2) + bytes(9999))
        archive.filelist += archive.filelist[:1] * 9
    with pytest.raises(WeightsError, match="unpacks to more than it holds"):
        load_weights(tmp_path / "twice.pth")
