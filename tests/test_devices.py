"""Devices and number formats by name."""

import pytest
import torch

from impasto.devices import available_devices, describe_device, products, resolve_device, resolve_dtype
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


def test_products_of_float32_are_rounded_only_if_asked():
    products("tf32")
    assert torch.backends.cuda.matmul.allow_tf32
    assert torch.backends.cudnn.allow_tf32
    products("float32")
    assert not torch.backends.cuda.matmul.allow_tf32
    assert not torch.backends.cudnn.allow_tf32


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
