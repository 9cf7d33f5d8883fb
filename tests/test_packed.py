"""The VGG-19 in the package: what it is, that it is whole, and how near its 8-bit weights are to the float ones."""

import importlib.util
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from impasto.encoders import packed
from impasto.encoders.catalog import build_encoder, find_weights
from impasto.encoders.preprocessing import CAFFE_BGR
from impasto.encoders.registry import encoder_names
from impasto.encoders.signatures import recognised_preprocessing
from impasto.encoders.vgg import BLOCK_CHANNELS, convolution_names
from impasto.encoders.weights import load_weights
from impasto.errors import WeightsError
from impasto.files import file_hash

PACKER = Path(__file__).parents[1] / "training" / "pack_vgg19.py"


@pytest.fixture(scope="module")
def weights():
    return find_weights("vgg19", download=False)


@pytest.fixture(scope="module")
def packer():
    if not PACKER.is_file():
        pytest.skip("needs training/")
    spec = importlib.util.spec_from_file_location("pack_vgg19", PACKER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def other_file(tmp_path, monkeypatch):
    """other_file(bytes): the package's file is this one instead."""

    def put(content):
        file = tmp_path / "vgg19.safetensors"
        file.write_bytes(content)
        monkeypatch.setattr(packed, "FILE", file)
        return file

    return put


def test_vgg19_is_among_the_encoders_and_needs_no_download(weights):
    assert "vgg19" in encoder_names()
    assert (weights.name, weights.architecture, weights.sha256) == ("vgg19", "vgg19", packed.SHA256)


def test_it_has_all_sixteen_convolutions_in_float32(weights):
    channels = 3
    assert list(weights.tensors) == [f"{n}.{part}" for n in convolution_names("vgg19") for part in ("weight", "bias")]
    for name in convolution_names("vgg19"):
        weight, bias = weights.tensors[f"{name}.weight"], weights.tensors[f"{name}.bias"]
        width = BLOCK_CHANNELS[int(name[4]) - 1]
        assert weight.shape == (width, channels, 3, 3)
        assert bias.shape == (width,)
        assert weight.dtype == bias.dtype == torch.float32
        assert len(weight.unique()) <= 256
        channels = width


def test_its_first_filters_are_those_of_oxford_s_caffe_model(weights):
    assert recognised_preprocessing(weights.tensors["conv1_1.weight"]) == "caffe"
    encoder = build_encoder(weights)
    assert weights.preprocessing == CAFFE_BGR
    assert (encoder.pooling, encoder.padding) == ("max", "zeros")


def test_its_features_are_those_of_the_float_weights(weights, shared_folder, photographs):
    """The float weights are in other units, one factor per channel, which a correlation does not see."""
    floats = load_weights(shared_folder("teacher") / "vgg19_normalised_to_relu3_1.safetensors")
    true, ours = build_encoder(floats, padding="zeros"), build_encoder(weights)
    for layer in ("relu1_1", "relu2_1", "relu3_1"):
        pairs = [
            torch.cat([network(image, [layer])[layer][0].flatten(1) for image in photographs], dim=1)
            for network in (true, ours)
        ]
        a, b = (each.double() for each in pairs)
        correlations = ((a - a.mean(1, True)) * (b - b.mean(1, True))).mean(1) / a.std(1) / b.std(1)
        assert correlations.min() > 0.9995, layer


def test_the_file_is_read_for_its_hash_once(weights, monkeypatch):
    monkeypatch.setattr(packed, "file_hash", None)
    assert packed.vgg19_weights().sha256 == weights.sha256


def test_a_file_that_was_changed_is_refused(other_file):
    content = bytearray(packed.FILE.read_bytes())
    content[-1] ^= 1
    other_file(bytes(content))
    with pytest.raises(WeightsError, match=r"vgg19\.safetensors is damaged .* install impasto again"):
        packed.vgg19_weights()


def test_a_file_that_is_not_there_is_refused(other_file):
    other_file(b"").unlink()
    with pytest.raises(WeightsError, match=r"vgg19\.safetensors cannot be read .* install impasto again"):
        packed.vgg19_weights()


def test_codes_and_tables_are_the_weights(weights):
    tensors = load_file(packed.FILE)
    codes, table = tensors["conv3_2.codes"], tensors["conv3_2.table"]
    assert (codes.dtype, table.dtype, table.shape) == (torch.uint8, torch.float32, (256,))
    assert (table.diff() > 0).all()
    assert torch.equal(weights.tensors["conv3_2.weight"], table[codes.long()])


def test_quantising_what_has_256_values_loses_nothing(packer):
    for name in ("conv1_1.weight", "conv2_1.weight"):
        weight = packed.vgg19_weights().tensors[name]
        assert torch.equal(packed.looked_up(*packer.quantised(weight)), weight)


def test_quantising_normal_numbers_loses_what_theory_says(packer):
    """Panter and Dite 1951: with n values the error's variance is sqrt(3) pi / 2 / n^2."""
    numbers = torch.randn(300_000, generator=torch.Generator().manual_seed(0))
    lost = (packed.looked_up(*packer.quantised(numbers)) - numbers).square().mean()
    assert lost < 1.2 * 3**0.5 * torch.pi / 2 / 256**2


def test_packing_float_weights_gives_the_same_network(packer, weights, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(packer, "load_weights", lambda file: weights)
    tensors = dict(packed.expanded(packer.from_floats(tmp_path)))
    assert all(torch.equal(tensors[name], weights.tensors[name]) for name in weights.tensors)
    assert "0.0000 of the weights' norm lost" in capsys.readouterr().out


def test_the_file_is_as_large_as_a_package_may_be():
    assert packed.FILE.stat().st_size < 20.2e6
    assert file_hash(packed.FILE) == packed.SHA256
