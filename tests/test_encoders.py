"""Encoders: every feature against an independent network, every stated number against what it describes."""

from collections import OrderedDict

import pytest
import torch
from torch import nn

from impasto.encoders.base import LayerInfo, resolve_layers
from impasto.encoders.catalog import build_encoder, check_encoder_name, find_weights
from impasto.encoders.chain import ChainEncoder, pool2d
from impasto.encoders.packed import COMPACT_FILE
from impasto.encoders.preprocessing import CAFFE_BGR, IDENTITY, IMAGENET_RGB, Preprocessing
from impasto.encoders.registry import REGISTRY, SHORT_NAMES, encoder_names
from impasto.encoders.vgg import BLOCK_CHANNELS, canonical_layer, convolution_names
from impasto.encoders.weights import load_weights
from impasto.errors import ImageError, UnknownNameError, WeightsError

POOLINGS = {"max": nn.MaxPool2d, "average": nn.AvgPool2d}
PAPER_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1", "relu5_2")


def network(tensors, pooling="max", padding="zeros"):
    """The same chain as a torch.nn.Sequential of named modules."""
    modules, block = OrderedDict(), "1"
    for key in [key for key in tensors if key.endswith(".weight")]:
        name, weight = key.removesuffix(".weight"), tensors[key]
        if name[4] != block:
            modules[f"pool{block}"], block = POOLINGS[pooling](2), name[4]
        convolution = nn.Conv2d(weight.shape[1], weight.shape[0], 3, padding=1, padding_mode=padding)
        convolution.load_state_dict({"weight": weight, "bias": tensors[f"{name}.bias"]})
        modules[name] = convolution
        modules[f"relu{name[4:]}"] = nn.ReLU()
    modules[f"pool{block}"] = POOLINGS[pooling](2)
    return nn.Sequential(modules).eval()


def activations(net, x):
    """{name: output} of every ReLU and pooling."""
    found = {}
    with torch.no_grad():
        for name, module in net.named_children():
            x = module(x)
            found[name] = x
    return {name: value for name, value in found.items() if not name.startswith("conv")}


def assert_same_features(features, expected):
    for name, value in features.items():
        torch.testing.assert_close(value, expected[name], rtol=1e-5, atol=1e-5, msg=lambda m, name=name: f"{name}: {m}")


# The chain


@pytest.mark.parametrize("padding", ["zeros", "reflect", "replicate"])
@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("architecture", ["vgg16", "vgg19"])
def test_features_are_those_of_a_plain_network(architecture, pooling, padding, vgg_tensors, uniform):
    tensors, image = vgg_tensors(architecture), uniform(2, 3, 53, 66).float()
    encoder = ChainEncoder("x", tensors, IDENTITY, pooling=pooling, padding=padding)
    features = encoder(image, encoder.layers)
    assert_same_features(features, activations(network(tensors, pooling, padding), image))
    assert list(features) == list(encoder.layers)


def test_features_at_real_width_are_those_of_a_plain_network(vgg_tensors, uniform):
    tensors, image = vgg_tensors(widths=BLOCK_CHANNELS[:2]), uniform(1, 3, 40, 33).float()
    encoder = ChainEncoder("x", tensors, IMAGENET_RGB)
    mean, std = (torch.tensor(v)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    expected = activations(network(tensors), (image - mean) / std)
    assert_same_features(encoder(image, ["relu1_1", "relu2_1"]), expected)


def test_l2_pooling_is_the_root_mean_square_of_the_window(uniform):
    x = uniform(1, 2, 5, 6)
    windows = x[..., :4, :].unfold(2, 2, 2).unfold(3, 2, 2)
    torch.testing.assert_close(pool2d(x, "l2"), windows.square().mean((-2, -1)).sqrt(), rtol=1e-6, atol=1e-6)


def test_l2_pooling_has_a_finite_gradient_at_zero():
    x = torch.zeros(1, 2, 4, 4, requires_grad=True)
    pool2d(x, "l2").sum().backward()
    assert x.grad.isfinite().all()


@pytest.mark.parametrize(
    ("layer", "stride", "receptive_field"),
    [
        ("relu1_1", 1, 3),
        ("relu2_1", 2, 10),
        ("relu3_1", 4, 24),
        ("relu4_1", 8, 68),
        ("relu4_2", 8, 84),
        ("relu5_1", 16, 156),
        ("relu5_2", 16, 188),
    ],
)
def test_vgg19_geometry_is_what_is_published(layer, stride, receptive_field, small_encoder):
    assert (small_encoder.layers[layer].stride, small_encoder.layers[layer].receptive_field) == (
        stride,
        receptive_field,
    )


def test_layer_infos_describe_the_features(small_encoder, uniform):
    features = small_encoder(uniform(1, 3, 64, 96), small_encoder.layers)
    for name, info in small_encoder.layers.items():
        assert features[name].shape == (1, info.channels, 64 // info.stride, 96 // info.stride)


def test_the_receptive_field_is_the_pixels_that_reach_one_feature(vgg_tensors):
    """Ones for filters, averages for pooling: every pixel that can matter does."""
    ones = {k: torch.full_like(v, 0.5 if k.endswith("weight") else 0.0).double() for k, v in vgg_tensors().items()}
    encoder = ChainEncoder("ones", ones, IDENTITY, pooling="average", dtype=torch.float64)
    image = torch.ones(1, 3, 256, 256, dtype=torch.float64, requires_grad=True)
    for layer, feature in encoder(image, PAPER_LAYERS).items():
        middle = feature.shape[-1] // 2
        (grad,) = torch.autograd.grad(feature[0, 0, middle, middle], image, retain_graph=True)
        reached = (grad[0, 0] != 0).nonzero()
        extent = (reached.max(0).values - reached.min(0).values + 1).tolist()
        assert extent == [encoder.layers[layer].receptive_field] * 2, layer


def test_nothing_beyond_the_deepest_asked_layer_is_computed(vgg_tensors, uniform):
    tensors, image = vgg_tensors(), uniform(1, 3, 8, 8).float()
    whole = ChainEncoder("x", tensors, IDENTITY)
    cut = ChainEncoder("x", {k: v for k, v in tensors.items() if k < "conv3_2"}, IDENTITY)
    wanted = ("relu1_2", "relu3_1")
    assert_same_features(whole(image, wanted), cut(image, wanted))  # 8 pixels are too few for what lies deeper
    assert whole(image, ()) == {}


def test_gradients_reach_the_image_and_no_weight(vgg_tensors, uniform):
    tensors = {k: v.requires_grad_() for k, v in vgg_tensors().items()}
    image = uniform(1, 3, 32, 32).float().requires_grad_()
    ChainEncoder("x", tensors, IDENTITY)(image, ["relu3_1"])["relu3_1"].sum().backward()
    assert image.grad.abs().sum() > 0
    assert all(t.grad is None for t in tensors.values())


def test_features_of_an_image_without_grad_have_none(small_encoder, uniform):
    assert not small_encoder(uniform(1, 3, 16, 16), ["relu1_1"])["relu1_1"].requires_grad


def test_the_image_is_left_as_it_is(small_encoder, uniform):
    image = uniform(1, 3, 32, 32)
    before = image.clone()
    small_encoder(image, small_encoder.layers)
    assert torch.equal(image, before)


def test_features_come_in_the_encoders_dtype(vgg_tensors, uniform):
    encoder = ChainEncoder("x", vgg_tensors(), IDENTITY, dtype=torch.bfloat16)
    assert encoder(uniform(1, 3, 8, 8).float(), ["relu1_1"])["relu1_1"].dtype == torch.bfloat16


@pytest.mark.parametrize("name", ["conv4_2", "block4_conv2", "relu4_2"])
def test_the_papers_and_keras_names_mean_the_layer_after_the_relu(name, small_encoder):
    assert resolve_layers(small_encoder, [name]) == ("relu4_2",)


def test_aliases_and_other_names():
    assert [canonical_layer(n) for n in ("block3_pool", "pool3", "conv4", "x")] == ["pool3", "pool3", "conv4", "x"]


def test_an_unknown_layer_is_refused_with_the_closest(small_encoder, uniform):
    with pytest.raises(UnknownNameError, match=r"Unknown layer 'relu4_5' for small; the closest is 'relu4_\d'"):
        small_encoder(uniform(1, 3, 64, 64), ["relu4_5"])
    with pytest.raises(UnknownNameError, match="Unknown layer 'conv6_1' for small"):
        resolve_layers(small_encoder, ["relu1_1", "conv6_1"])


@pytest.mark.parametrize(("layer", "needed"), [("relu1_1", 1), ("relu2_1", 2), ("relu5_1", 16), ("pool5", 32)])
def test_the_smallest_image_is_enough_and_one_pixel_less_is_refused(layer, needed, small_encoder, uniform):
    assert small_encoder.smallest_side(layer) == needed
    assert small_encoder(uniform(1, 3, needed, 40), [layer])[layer].numel() > 0
    if needed > 1:
        with pytest.raises(ImageError, match=f"Image is 40x{needed - 1} but layer '{layer}' of small needs at least"):
            small_encoder(uniform(1, 3, needed - 1, 40), [layer])


@pytest.mark.parametrize("padding", ["zeros", "reflect", "replicate"])
def test_the_smallest_image_is_enough_for_every_layer_and_padding(padding, vgg_tensors, uniform):
    encoder = ChainEncoder("x", vgg_tensors(), IDENTITY, padding=padding)
    for layer in encoder.layers:
        side = encoder.smallest_side(layer)
        assert encoder(uniform(1, 3, side, side).float(), [layer])[layer].isfinite().all()


def test_too_small_an_image_is_refused_for_its_deepest_layer(small_encoder, uniform):
    with pytest.raises(ImageError, match=r"Image is 310x12 but layer 'relu5_1' of small needs at least 16 pixels"):
        small_encoder(uniform(1, 3, 12, 310), {"relu1_1", "relu5_1", "relu2_1", "relu4_1"})


@pytest.mark.parametrize("choice", [{"pooling": "median"}, {"padding": "wrap"}])
def test_unknown_choices_are_refused(choice, vgg_tensors):
    with pytest.raises(UnknownNameError):
        ChainEncoder("x", vgg_tensors(), IDENTITY, **choice)


def test_tensors_that_are_no_chain_are_refused(vgg_tensors):
    tensors = vgg_tensors()
    del tensors["conv2_1.weight"], tensors["conv2_1.bias"]
    with pytest.raises(WeightsError, match="relu2_2 of broken has filters"):
        ChainEncoder("broken", tensors, IDENTITY)


# Preprocessing


def preprocessed(preprocessing, image):
    """What the first convolution sees: filters that pick the middle pixel of each channel, twice, of either sign."""
    weight = torch.zeros(6, 3, 3, 3)
    for i in range(3):
        weight[i, i, 1, 1], weight[i + 3, i, 1, 1] = 1, -1
    encoder = ChainEncoder("eye", {"conv1_1.weight": weight, "conv1_1.bias": torch.zeros(6)}, preprocessing)
    positive, negative = encoder(image, ["relu1_1"])["relu1_1"].split(3, dim=1)
    return positive - negative


def test_torchvision_preprocessing_is_mean_and_std(uniform):
    image = uniform(1, 3, 4, 5).float()
    mean, std = (torch.tensor(v)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    torch.testing.assert_close(preprocessed(IMAGENET_RGB, image), (image - mean) / std, rtol=1e-5, atol=1e-5)


def test_caffe_preprocessing_is_bgr_in_8_bits_less_the_mean(uniform):
    image = uniform(1, 3, 4, 5).float()
    expected = 255 * image.flip(1) - torch.tensor([103.939, 116.779, 123.68])[:, None, None]
    torch.testing.assert_close(preprocessed(CAFFE_BGR, image), expected, rtol=1e-5, atol=1e-4)


def test_identity_preprocessing_is_none(uniform):
    image = uniform(1, 3, 4, 5).float()
    torch.testing.assert_close(preprocessed(IDENTITY, image), image)


def test_bgr_turns_only_the_colors_around():
    assert Preprocessing.bgr(2.0, (1.0, 2.0, 3.0)) == Preprocessing(
        ((0, 0, 2.0), (0, 2.0, 0), (2.0, 0, 0)), (-1, -2, -3)
    )


# The built-in encoder


def test_compact_has_the_layers_of_a_vgg_up_to_relu5_1(compact):
    strides = {name: info.stride for name, info in compact.layers.items() if name.startswith("relu")}
    assert strides == {
        "relu1_1": 1,
        "relu1_2": 1,
        "relu2_1": 2,
        "relu2_2": 2,
        "relu3_1": 4,
        "relu3_2": 4,
        "relu3_3": 4,
        "relu3_4": 4,
        "relu4_1": 8,
        "relu4_2": 8,
        "relu4_3": 8,
        "relu4_4": 8,
        "relu5_1": 16,
    }
    assert (compact.name, compact.pooling, compact.padding) == ("compact", "max", "reflect")


def test_compact_needs_at_most_23000_multiplications_per_pixel(compact):
    infos, total, channels = compact.layers, 0.0, 3
    for name, info in infos.items():
        if name.startswith("relu"):
            total += 9 * channels * info.channels / info.stride**2
        channels = info.channels
    assert 0 < total <= 23_000


def test_compact_is_a_file_of_at_most_4_megabytes():
    assert COMPACT_FILE.stat().st_size <= 4e6


def test_mean_activations_of_compact_are_about_1(compact, photographs):
    relus = [name for name in compact.layers if name.startswith("relu")]
    features = [compact(image, relus) for image in photographs]
    for name in relus:
        channels = torch.stack([f[name].mean((0, 2, 3)) for f in features]).mean(0)
        live = channels[channels > 1e-3]
        assert 0.5 < live.mean() < 2, name


def test_mean_activations_of_the_true_normalised_vgg19_are_about_1(shared_folder, photographs):
    encoder = build_encoder(load_weights(shared_folder("teacher") / "vgg19_normalised_to_relu3_1.safetensors"))
    layers = [name for name in encoder.layers if name.startswith("relu")]
    features = [encoder(image, layers) for image in photographs]
    for name in layers:
        assert 0.8 < torch.stack([f[name].mean() for f in features]).mean() < 1.2, name


# The catalog


def test_the_catalog_names_the_built_in_the_short_names_and_the_registry():
    assert encoder_names() == ("compact", "vgg19", "vgg16", *REGISTRY)
    assert set(SHORT_NAMES.values()) <= set(REGISTRY)
    for name in encoder_names():
        check_encoder_name(name)


def test_an_unknown_encoder_is_refused_with_the_closest():
    with pytest.raises(UnknownNameError, match="Unknown encoder 'compct'; the closest is 'compact'"):
        find_weights("compct")


def test_weights_that_may_not_be_downloaded_are_refused(tmp_path, monkeypatch):
    for variable in ("IMPASTO_CACHE", "TORCH_HOME", "KERAS_HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    with pytest.raises(WeightsError, match=r"vgg16\.torchvision is not on this computer"):
        find_weights("vgg16", download=False)


def test_an_encoder_is_built_as_it_was_trained_unless_told_otherwise():
    weights = find_weights("compact")
    assert build_encoder(weights).padding == "reflect"
    other = build_encoder(weights, pooling="average", padding="replicate", preprocessing=CAFFE_BGR)
    assert (other.pooling, other.padding) == ("average", "replicate")


@pytest.mark.parametrize(("architecture", "count"), [("vgg16", 13), ("vgg19", 16)])
def test_vgg_has_as_many_convolutions_as_its_name_leaves_for_them(architecture, count):
    names = convolution_names(architecture)
    assert len(names) == count
    assert names == tuple(sorted(names))


def test_the_first_layer_info_is_a_3x3_convolutions(small_encoder):
    assert next(iter(small_encoder.layers.items())) == ("relu1_1", LayerInfo(4, 1, 3))
