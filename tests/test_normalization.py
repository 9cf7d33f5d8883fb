"""Normalized encoders: mean activations of 1, and the same network as with its weights rescaled."""

import pytest
import torch

from impasto.encoders.chain import ChainEncoder
from impasto.encoders.normalization import Normalized, mean_activations
from impasto.encoders.preprocessing import CAFFE_BGR
from impasto.encoders.vgg import convolution_names

LAYERS = [name.replace("conv", "relu") for name in convolution_names("vgg19")]
POOLS = [f"pool{block}" for block in range(1, 6)]


@pytest.fixture
def images(uniform):
    return uniform(1, 3, 32, 48), uniform(1, 3, 40, 32)


@pytest.fixture
def normalized(small_encoder, images):
    return Normalized(small_encoder, mean_activations(small_encoder, images, [*LAYERS, *POOLS]))


def rescaled(tensors, scales):
    """The filters and biases divided by a layer's own scales, the filters times those of the layer below."""
    below, result = torch.ones(3, dtype=torch.float64), {}
    for conv in convolution_names("vgg19"):
        own = scales[conv.replace("conv", "relu")].flatten()
        result[f"{conv}.weight"] = tensors[f"{conv}.weight"] * below[:, None, None] / own[:, None, None, None]
        result[f"{conv}.bias"] = tensors[f"{conv}.bias"] / own
        below = own
    return result


def test_every_channel_is_1_on_average_over_all_positions_of_all_images(normalized, images):
    parts = [normalized(image, LAYERS) for image in images]
    for layer in LAYERS:
        means = torch.cat([part[layer].flatten(2) for part in parts], 2).mean(2)
        assert means.max() < 1 + 1e-12
        live = normalized.scales[layer].flatten() > normalized.scales[layer].min()
        torch.testing.assert_close(means[0, live], torch.ones_like(means[0, live]), rtol=1e-12, atol=0)


@pytest.mark.parametrize("pooling", ["max", "average"])
def test_it_is_the_network_with_rescaled_weights_as_the_next_layer_undoes_the_scales(pooling, vgg_tensors, images):
    tensors = vgg_tensors(dtype=torch.float64)
    chain = ChainEncoder("plain", tensors, CAFFE_BGR, pooling=pooling, dtype=torch.float64)
    scales = mean_activations(chain, images, [*LAYERS, *POOLS])
    other = ChainEncoder("rescaled", rescaled(tensors, scales), CAFFE_BGR, pooling=pooling, dtype=torch.float64)
    expected = other(images[0], [*LAYERS, *POOLS])
    for layer, features in Normalized(chain, scales)(images[0], [*LAYERS, *POOLS]).items():
        torch.testing.assert_close(features, expected[layer], rtol=1e-10, atol=1e-10)


def test_a_channel_that_is_nearly_silent_is_raised_100_times_as_much_as_its_layer_at_most(vgg_tensors, images):
    tensors = vgg_tensors(dtype=torch.float64)
    tensors["conv2_1.weight"][1] *= 0
    tensors["conv2_1.bias"][1] = -1.0
    chain = ChainEncoder("one silent channel", tensors, CAFFE_BGR, dtype=torch.float64)
    features = torch.cat([chain(image, ["relu2_1"])["relu2_1"].flatten(2) for image in images], 2)
    scale = mean_activations(chain, images, ["relu2_1"])["relu2_1"]
    assert features[0, 1].max() == 0
    assert float(scale[0, 1]) == pytest.approx(float(features.mean()) / 100, rel=1e-12)


def test_a_silent_layer_stays_as_it_is(vgg_tensors, images):
    tensors = vgg_tensors(dtype=torch.float64)
    tensors["conv1_1.weight"] *= 0
    tensors["conv1_1.bias"] = -torch.ones_like(tensors["conv1_1.bias"])
    chain = ChainEncoder("silent", tensors, CAFFE_BGR, dtype=torch.float64)
    assert (mean_activations(chain, images, ["relu1_1"])["relu1_1"] == 1).all()


def test_it_is_an_encoder_like_the_one_inside(normalized, small_encoder):
    assert (normalized.name, normalized.layers) == (small_encoder.name, small_encoder.layers)
