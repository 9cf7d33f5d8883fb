"""Devices and number formats by name."""

import pytest
import torch

from impasto.devices import available_devices, describe_device, format_name, products, resolve_device, resolve_dtype
from impasto.errors import UnknownNameError, UsageError

CPU = torch.device("cpu")


def test_the_cpu_is_always_there_and_last():
    assert available_devices()[-1] == "cpu"


def test_auto_is_the_fastest_there_is():
    assert resolve_device("auto").type == available_devices()[0]


def test_cpu_is_the_cpu():
    assert resolve_device("cpu") == CPU


@pytest.mark.parametrize(("name", "closest"), [("cuda:x", "cuda"), ("xpuu", "xpu"), ("CPU", "cpu")])
def test_an_unknown_device_is_refused_with_the_closest(name, closest):
    with pytest.raises(UnknownNameError, match=f"Unknown device '{name}'; the closest is '{closest}'"):
        resolve_device(name)


@pytest.mark.parametrize("kind", ["cuda", "mps", "xpu"])
def test_a_device_that_is_not_here_is_refused_with_those_that_are(kind):
    if kind in available_devices():
        pytest.skip(f"{kind} is available here")
    with pytest.raises(UsageError, match=f"Device '{kind}' is not available here; available: .*cpu"):
        resolve_device(kind)


@pytest.mark.parametrize("name", ["float32", "float64", "bfloat16"])
def test_number_formats_have_their_torch_names(name):
    assert resolve_dtype(name, CPU) == getattr(torch, name)


def test_auto_is_a_format_the_device_multiplies_fast():
    assert resolve_dtype("auto", CPU) in (torch.float32, torch.bfloat16)
    assert resolve_dtype("auto", torch.device("mps")) == torch.float32


def test_an_unknown_number_format_is_refused_with_the_closest():
    with pytest.raises(UnknownNameError, match="Unknown dtype 'float23'; the closest is 'float32'"):
        resolve_dtype("float23", CPU)


def test_tf32_is_refused_where_there_is_none():
    with pytest.raises(UsageError, match="cpu has no tf32, which NVIDIA GPUs have since Ampere; use float32 or auto"):
        resolve_dtype("tf32", CPU)


def test_a_number_format_has_the_name_that_was_asked_for():
    assert format_name("tf32", torch.float32) == "tf32"
    assert format_name("auto", torch.bfloat16) == "bfloat16"


def flags():
    return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32


@pytest.fixture
def keep_flags():
    before = flags()
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


@pytest.mark.parametrize("before", [(False, True), (True, False), (True, True), (False, False)], ids=str)
@pytest.mark.usefixtures("keep_flags")
def test_products_of_float32_are_rounded_only_within_a_block_and_only_if_asked(before, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before
    with pytest.raises(ZeroDivisionError), products("tf32"):
        assert flags() == (True, True)
        with products("float32"):
            assert flags() == (False, False)
        assert flags() == (True, True)
        _ = 1 / 0
    assert flags() == before


@pytest.mark.usefixtures("keep_flags")
def test_products_come_back_as_a_caller_had_them_who_set_each_operation(monkeypatch):
    """PyTorch 2.9 and later; the older flags cannot be read then."""
    owners = (torch.backends.cuda.matmul, getattr(torch.backends.cudnn, "conv", None))
    if not hasattr(owners[0], "fp32_precision"):
        pytest.skip("this PyTorch has one flag for all operations")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    owners[0].fp32_precision, owners[1].fp32_precision = "tf32", "ieee"
    with products("float32"):
        assert flags() == (False, False)
    assert [owner.fp32_precision for owner in owners] == ["tf32", "ieee"]


def test_products_leave_the_flags_as_they_are_without_cuda():
    if torch.cuda.is_available():
        pytest.skip("CUDA is available here")
    before = flags()
    with products("tf32"):
        assert flags() == before


@pytest.fixture
def gpus(monkeypatch):
    """gpus(count, rank): as many NVIDIA GPUs, and the process of that number of two that torchrun started.

    Only what PyTorch says of them is here: nothing is computed on them.
    """

    def make(count, rank):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        for name, value in (("WORLD_SIZE", 2), ("RANK", rank), ("LOCAL_RANK", rank)):
            monkeypatch.setenv(name, str(value))

    return make


@pytest.mark.parametrize("name", ["auto", "cuda", "cuda:1"])
def test_a_process_of_several_computes_on_a_gpu_of_its_own(name, gpus):
    gpus(2, rank=1)
    assert resolve_device(name) == torch.device("cuda", 1)
    assert resolve_device("cpu") == CPU


def test_the_gpu_of_another_process_is_refused(gpus):
    gpus(2, rank=1)
    with pytest.raises(UsageError, match=r"Device 'cuda:0' is not that of process 1. Choose --device cuda, without"):
        resolve_device("cuda:0")


def test_more_processes_than_gpus_are_refused(gpus):
    gpus(1, rank=1)
    with pytest.raises(UsageError, match=r"Process 1 of this machine has no GPU of its own: there are 1. Start 1 proc"):
        resolve_device("auto")


def test_a_process_alone_chooses_among_all_gpus(gpus, monkeypatch):
    gpus(2, rank=1)
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert resolve_device("auto") == torch.device("cuda")
    assert resolve_device("cuda:0") == torch.device("cuda", 0)


def test_a_device_is_described_in_words():
    assert describe_device(CPU).startswith(f"cpu ({torch.get_num_threads()} thread")


@pytest.mark.parametrize("kind", ["cuda", "mps", "xpu"])
def test_features_on_an_accelerator_are_those_of_the_cpu(kind, compact, uniform):
    if kind not in available_devices():
        pytest.skip(f"needs {kind}")
    from impasto.encoders.catalog import build_encoder, find_weights

    image = uniform(1, 3, 64, 64).float()
    there = build_encoder(find_weights("compact"), device=kind)(image.to(kind), ["relu3_1"])["relu3_1"]
    torch.testing.assert_close(there.cpu(), compact(image, ["relu3_1"])["relu3_1"], rtol=1e-2, atol=1e-2)
