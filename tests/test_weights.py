"""Files of weights: every layout gives the same tensors, and what is wrong with a file is said."""

import json
import os
import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from impasto.encoders import verification
from impasto.encoders.chain import _as_convolution
from impasto.encoders.layouts import feature_indices, find_chain
from impasto.encoders.preprocessing import CAFFE_BGR, IMAGENET_RGB
from impasto.encoders.registry import REGISTRY, cache_folder, cached_path, weight_path
from impasto.encoders.signatures import (
    _CAFFE_VGG19,
    _TORCHVISION_VGG16,
    _TORCHVISION_VGG19,
    CAFFE_RGB,
    recognised_preprocessing,
)
from impasto.encoders.verification import check_once
from impasto.encoders.vgg import convolution_names
from impasto.encoders.weights import load_weights
from impasto.errors import MissingFileError, UnknownNameError, UsageError, WeightsError

h5py = pytest.importorskip("h5py", reason="needs impasto[keras]")

TEACHER = Path(__file__).parents[1] / ".." / "shared" / "teacher"
WIDTHS = (4, 6, 8, 10, 10)


@pytest.fixture(autouse=True)
def empty_caches(tmp_path, monkeypatch):
    for variable in ("IMPASTO_CACHE", "TORCH_HOME", "KERAS_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / variable))


def vgg(architecture="vgg19", widths=WIDTHS, depth=None):
    """Random filters under the canonical names."""
    generator = torch.Generator().manual_seed(0)
    tensors, channels = {}, 3
    for name in convolution_names(architecture)[:depth]:
        width = widths[int(name[4]) - 1]
        tensors[f"{name}.weight"] = torch.randn(width, channels, 3, 3, generator=generator)
        tensors[f"{name}.bias"] = torch.randn(width, generator=generator)
        channels = width
    return tensors


def with_first_filter(tensors, index, values, factor=3.0):
    tensors["conv1_1.weight"][index] = factor * torch.tensor(values).reshape(3, 3, 3)
    return tensors


def as_features(tensors, architecture="vgg19", prefix="features."):
    numbers = {name: number for number, name in feature_indices(architecture).items()}
    return {f"{prefix}{numbers[key[:7]]}{key[7:]}": tensor for key, tensor in tensors.items()}


def keras_layers(tensors):
    """{"block1_conv1": (kernel HWIO, bias)}."""
    names = dict.fromkeys(key.split(".")[0] for key in tensors)
    return {
        f"block{name[4]}_conv{name[6]}": (
            tensors[f"{name}.weight"].permute(2, 3, 1, 0).numpy(),
            tensors[f"{name}.bias"].numpy(),
        )
        for name in names
    }


def write_torch(path, tensors):
    classifier = {"classifier.0.weight": torch.zeros(5, 7), "classifier.0.bias": torch.zeros(5)}
    torch.save({**as_features(tensors), **classifier}, path)


def write_torch_legacy(path, tensors):
    torch.save(as_features(tensors), path, _use_new_zipfile_serialization=False)


def write_checkpoint(path, tensors):
    state = {f"module.{key}": tensor for key, tensor in as_features(tensors).items()}
    torch.save({"epoch": 3, "state_dict": state}, path)


def write_features_alone(path, tensors):
    torch.save(as_features(tensors, prefix=""), path)


def write_authors(path, tensors):
    torch.save(tensors, path)


def write_normalised(path, tensors):
    """The chain that AdaIN's authors published: a 1x1 layer, then paddings, convolutions, ReLUs, poolings."""
    state, number = {"0.weight": 255 * torch.eye(3).flip(0)[..., None, None], "0.bias": torch.full((3,), -110.0)}, 2
    for key in [key for key in tensors if key.endswith("weight")]:
        state[f"{number}.weight"], state[f"{number}.bias"] = tensors[key], tensors[key.replace("weight", "bias")]
        number += 3
    torch.save(state, path)


def write_keras(path, tensors, names="{layer}/{part}:0", root="/", top=False):
    layers = keras_layers(tensors)
    with h5py.File(path, "w") as file:
        group = file.require_group(root)
        order = ["input_1", *layers, "fc1"] if top else ["input_1", *layers]
        group.attrs["layer_names"] = [name.encode() for name in order]
        group.create_group("input_1").attrs["weight_names"] = []
        if top:
            layers["fc1"] = (torch.zeros(12, 5).numpy(), torch.zeros(5).numpy())
        for layer, arrays in reversed(layers.items()):  # the order is that of `layer_names` alone
            weight_names = [names.format(layer=layer, part=part) for part in ("kernel", "bias")]
            subgroup = group.create_group(layer)
            subgroup.attrs["weight_names"] = [name.encode() for name in weight_names]
            for name, array in zip(weight_names, arrays, strict=True):
                subgroup[name] = array


def write_keras1(path, tensors):
    write_keras(path, tensors, names="{layer}_{part}_1:0")


def write_keras_model(path, tensors):
    write_keras(path, tensors, root="model_weights", top=True)


def write_keras3(path, tensors, named=True, by_class=True):
    with h5py.File(path, "w") as file:
        for number, (layer, arrays) in enumerate(keras_layers(tensors).items()):
            by_number = f"conv2d_{number}" if number else "conv2d"
            variables = file.create_group(f"layers/{by_number if by_class else layer}/vars")
            if named:
                variables.attrs["name"] = layer
            for index, array in enumerate(arrays):
                variables[str(index)] = array
        file.create_group("layers/max_pooling2d/vars")
        dense = file.create_group("layers/dense/vars")
        dense["0"], dense["1"] = torch.zeros(12, 5).numpy(), torch.zeros(5).numpy()


def write_keras3_by_name(path, tensors):
    write_keras3(path, tensors, named=False, by_class=False)


def write_keras3_numbered(path, tensors):
    write_keras3(path, tensors, named=False)


def write_safetensors(path, tensors):
    save_file(tensors, path)


def write_safetensors_features(path, tensors):
    save_file(as_features(tensors), path)


def write_safetensors_keras(path, tensors):
    arrays = {}
    for layer, (kernel, bias) in keras_layers(tensors).items():
        arrays[f"{layer}/kernel:0"], arrays[f"{layer}/bias:0"] = torch.tensor(kernel), torch.tensor(bias)
    save_file({key: array.contiguous() for key, array in arrays.items()}, path)


LAYOUTS = [
    (write_torch, "torchvision", IMAGENET_RGB),
    (write_torch_legacy, "torchvision", IMAGENET_RGB),
    (write_checkpoint, "torchvision", IMAGENET_RGB),
    (write_features_alone, "torchvision", IMAGENET_RGB),
    (write_authors, "authors' Caffe (vgg_conv)", CAFFE_BGR),
    (write_keras, "Keras", CAFFE_BGR),
    (write_keras1, "Keras", CAFFE_BGR),
    (write_keras_model, "Keras", CAFFE_BGR),
    (write_keras3, "Keras", CAFFE_BGR),
    (write_keras3_by_name, "Keras", CAFFE_BGR),
    (write_keras3_numbered, "Keras", CAFFE_BGR),
    (write_safetensors, "safetensors", CAFFE_BGR),
    (write_safetensors_features, "torchvision", IMAGENET_RGB),
    (write_safetensors_keras, "Keras", CAFFE_BGR),
]


@pytest.mark.parametrize(
    ("write", "layout", "preprocessing"), LAYOUTS, ids=lambda value: getattr(value, "__name__", "")
)
def test_every_layout_gives_the_same_tensors(tmp_path, write, layout, preprocessing):
    expected = vgg()
    write(tmp_path / "file", expected)  # no suffix: the content alone tells
    weights = load_weights(tmp_path / "file")
    assert list(weights.tensors) == list(expected)
    assert all(torch.equal(weights.tensors[key], expected[key]) for key in expected)
    assert all(tensor.is_contiguous() for tensor in weights.tensors.values())
    assert (weights.name, weights.architecture, weights.layout) == ("file", "vgg19", layout)
    assert weights.preprocessing == preprocessing
    assert weights.padding == "zeros"
    assert "assumed" in weights.evidence
    assert len(weights.sha256) == 64


def test_what_keras_3_keeps_of_an_optimizer_is_no_layer(tmp_path):
    expected = vgg(depth=3)
    write_keras3(tmp_path / "file", expected)
    with h5py.File(tmp_path / "file", "a") as file:
        file.move("layers", "backbone")
        for index, key in enumerate(("conv1_1.weight", "conv1_1.bias", "conv1_2.weight", "conv1_2.bias")):
            file[f"optimizer/vars/{index}"] = expected[key].numpy()
    loaded = load_weights(tmp_path / "file").tensors
    assert list(loaded) == list(expected)
    assert all(torch.equal(loaded[key], expected[key]) for key in expected)


def test_normalised_chain_maps_colors_first(tmp_path):
    expected = vgg()
    write_normalised(tmp_path / "vgg_normalised.pth", expected)
    weights = load_weights(tmp_path / "vgg_normalised.pth")
    assert all(torch.equal(weights.tensors[key], expected[key]) for key in expected)
    assert (weights.layout, weights.padding) == ("normalised, unnamed", "reflect")
    assert weights.preprocessing.matrix == ((0.0, 0.0, 255.0), (0.0, 255.0, 0.0), (255.0, 0.0, 0.0))
    assert weights.preprocessing.offset == (-110.0, -110.0, -110.0)


def test_real_widths_through_torch_and_keras(tmp_path):
    expected = vgg(widths=(64, 128, 256, 512, 512), depth=9)
    write_torch(tmp_path / "a.pth", expected)
    write_keras(tmp_path / "a.h5", expected)
    one, other = load_weights(tmp_path / "a.pth"), load_weights(tmp_path / "a.h5")
    assert all(torch.equal(one.tensors[key], other.tensors[key]) for key in expected)
    assert one.tensors["conv4_1.weight"].shape == (512, 256, 3, 3)
    assert {tensor.dtype for tensor in one.tensors.values()} == {torch.float32}


@pytest.mark.parametrize("write", [write_authors, write_keras, write_keras3_numbered])
def test_vgg16_is_told_from_vgg19(tmp_path, write):
    write(tmp_path / "file", vgg("vgg16", widths=(4, 6, 8, 10, 12)))
    assert load_weights(tmp_path / "file").architecture == "vgg16"


def test_vgg16_of_torchvision(tmp_path):
    torch.save(as_features(vgg("vgg16"), "vgg16"), tmp_path / "file")
    weights = load_weights(tmp_path / "file")
    assert (weights.architecture, list(weights.tensors)[-1]) == ("vgg16", "conv5_3.bias")


@pytest.mark.parametrize("depth", [1, 5, 7, 13])
def test_a_beginning_is_enough_and_is_vgg19_where_it_could_be_both(tmp_path, depth):
    save_file(vgg(depth=depth), tmp_path / "file")
    weights = load_weights(tmp_path / "file")
    assert (weights.architecture, len(weights.tensors)) == ("vgg19", 2 * depth)


def test_half_precision_is_widened(tmp_path):
    tensors = vgg()
    save_file({key: tensor.half() for key, tensor in tensors.items()}, tmp_path / "file")
    loaded = load_weights(tmp_path / "file").tensors
    assert all(torch.equal(loaded[key], tensors[key].half().float()) for key in tensors)


def test_a_safetensors_file_whose_length_looks_like_a_pickle(tmp_path):
    """Its first bytes are the length of its header: with one of 0x..0280 it begins as a pickle does."""
    tensors = vgg(depth=1)
    save_file(tensors, tmp_path / "plain", metadata={"note": ""})
    length = int.from_bytes((tmp_path / "plain").read_bytes()[:8], "little")
    save_file(tensors, tmp_path / "file", metadata={"note": "x" * (0x280 - length)})
    assert (tmp_path / "file").read_bytes().startswith(b"\x80\x02")
    assert load_weights(tmp_path / "file").layout == "safetensors"


# --- preprocessing ---


@pytest.mark.parametrize("factor", [0.02, 1.0, 60.0])
@pytest.mark.parametrize(
    ("index", "values", "layout", "preprocessing"),
    [
        (1, _CAFFE_VGG19, "Caffe-derived", CAFFE_BGR),
        (1, _CAFFE_VGG19[::-1], "Caffe-derived", CAFFE_RGB),
        (0, _TORCHVISION_VGG19, "torchvision", IMAGENET_RGB),
        (0, _TORCHVISION_VGG16, "torchvision", IMAGENET_RGB),
    ],
)
def test_the_first_filters_tell_the_preprocessing_at_any_strength(
    tmp_path, factor, index, values, layout, preprocessing
):
    write_torch(tmp_path / "file", with_first_filter(vgg(), index, values, factor))
    weights = load_weights(tmp_path / "file")
    assert (weights.layout, weights.preprocessing) == (layout, preprocessing)
    assert "published" in weights.evidence


def test_torchvision_filters_under_the_authors_names(tmp_path):
    torch.save(with_first_filter(vgg(), 0, _TORCHVISION_VGG19), tmp_path / "vgg_conv.pth")
    assert load_weights(tmp_path / "vgg_conv.pth").preprocessing == IMAGENET_RGB


def test_caffe_rgb_is_caffe_bgr_with_colors_swapped():
    (matrix, offset), (swapped, swapped_offset) = (_as_convolution(p) for p in (CAFFE_BGR, CAFFE_RGB))
    assert torch.equal(matrix.flip(0), swapped)
    assert torch.equal(offset.flip(0), swapped_offset)


def test_preprocessing_can_be_said(tmp_path):
    write_torch(tmp_path / "file", vgg())
    weights = load_weights(tmp_path / "file", preprocessing="caffe")
    assert (weights.preprocessing, weights.layout, weights.evidence) == (CAFFE_BGR, "Caffe-derived", "as asked")
    with pytest.raises(UnknownNameError, match="torchvision"):
        load_weights(tmp_path / "file", preprocessing="torchvsion")


# --- two real files ---


@pytest.mark.skipif(not TEACHER.is_dir(), reason="the shared teacher networks are not here")
@pytest.mark.parametrize(
    ("file", "deepest", "channels"),
    [("vgg19_normalised_to_relu3_1", "conv3_1", 64), ("vgg19_slim16_to_relu5_1", "conv5_1", 16)],
)
def test_teachers_load(file, deepest, channels):
    weights = load_weights(TEACHER / f"{file}.safetensors")
    assert (weights.architecture, weights.layout, weights.padding) == ("vgg19", "safetensors", "reflect")
    assert list(weights.tensors)[-1] == f"{deepest}.bias"
    assert weights.tensors["conv1_1.weight"].shape == (channels, 3, 3, 3)
    assert weights.preprocessing.offset == pytest.approx(CAFFE_BGR.offset, abs=1.0)


@pytest.mark.skipif(not TEACHER.is_dir(), reason="the shared teacher networks are not here")
def test_signature_is_that_of_the_true_network():
    weight = load_weights(TEACHER / "vgg19_normalised_to_relu3_1.safetensors").tensors["conv1_1.weight"]
    assert recognised_preprocessing(weight) == "caffe"
    assert recognised_preprocessing(weight.flip(1)) == "caffe-rgb"


# --- refusals ---


def change(key, value):
    def changed(tensors):
        tensors[key] = value(tensors[key])
        return tensors

    return changed


def without(*keys):
    return lambda tensors: {key: tensor for key, tensor in tensors.items() if key not in keys}


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (without("conv2_1.weight", "conv2_1.bias"), "conv2_1 is missing"),
        (without("conv3_4.weight", "conv3_4.bias"), "conv3_4 is missing"),
        (without("conv3_1.bias"), "conv3_1.bias is missing"),
        (without("conv1_1.weight"), "conv1_1.weight is missing"),
        (change("conv2_1.weight", lambda t: t[:, 1:].contiguous()), "takes 3 channels, but the layer before gives 4"),
        (change("conv1_1.weight", lambda t: torch.zeros(4, 3, 5, 5)), "filters of VGG are 3x3"),
        (change("conv1_1.weight", lambda t: torch.zeros(4, 3)), "filters of VGG are 3x3"),
        (change("conv1_2.bias", lambda t: torch.zeros(9)), "has 4 filters"),
        (change("conv4_2.weight", lambda t: t.double()), "conv4_2.weight is float64, not float32"),
        (change("conv4_2.bias", lambda t: t.int()), "conv4_2.bias is int32"),
        (change("conv5_1.weight", lambda t: t / 0), "NaN or infinite"),
        (change("conv1_1.weight", lambda t: t[:0]), r"conv1_1.weight has shape \(0, 3, 3, 3\)"),
    ],
)
def test_a_wrong_tensor_is_named(tmp_path, spoil, reason):
    save_file(spoil(vgg()), tmp_path / "file")
    with pytest.raises(WeightsError, match=reason) as caught:
        load_weights(tmp_path / "file")
    assert str(tmp_path / "file") in str(caught.value)


def test_batch_normalisation_is_refused_by_name(tmp_path):
    torch.save(
        {"features.0.weight": torch.zeros(4, 3, 3, 3), "features.1.running_mean": torch.zeros(4)}, tmp_path / "f"
    )
    with pytest.raises(WeightsError, match="batch normalisation"):
        load_weights(tmp_path / "f")


def test_other_networks_are_refused_with_their_keys(tmp_path):
    torch.save({"layer1.0.conv1.weight": torch.zeros(1)}, tmp_path / "f")
    with pytest.raises(WeightsError, match=r"layer1\.0\.conv1\.weight"):
        load_weights(tmp_path / "f")


def test_too_many_layers():
    with pytest.raises(WeightsError, match="17 convolutions"):
        find_chain({f"{3 * i}.weight": torch.zeros(3, 3, 3, 3) for i in range(17)})


class Code:
    def __reduce__(self):
        return os.mkdir, ("should-not-exist",)


def write_code(path):
    torch.save({"features.0.weight": Code()}, path)


def write_code_legacy(path):
    path.write_bytes(pickle.dumps({"a": Code()}, protocol=2))


@pytest.mark.parametrize("write", [write_code, write_code_legacy])
def test_code_is_never_run(tmp_path, monkeypatch, write):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "file.pth")
    with pytest.raises(WeightsError, match="code in it"):
        load_weights(tmp_path / "file.pth")
    assert not (tmp_path / "should-not-exist").exists()


@pytest.mark.parametrize("write", [write_torch, write_torch_legacy, write_safetensors, write_keras, write_keras3])
@pytest.mark.parametrize("kept", [0.2, 0.7, 0.99])
def test_a_truncated_file_is_refused(tmp_path, write, kept):
    path = tmp_path / "file"
    write(path, vgg())
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    with pytest.raises(WeightsError, match=r"damaged or not complete"):
        load_weights(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"<!DOCTYPE html><html>Too many requests", "a web page"),
        (b"\n  <html><body>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer"),
        (b"GIF89a" + bytes(99), "neither a PyTorch"),
        (b"\x80\x02" + bytes(99), "damaged"),
    ],
)
def test_what_is_no_weight_file_is_called_what_it_is(tmp_path, content, reason):
    (tmp_path / "vgg.pth").write_bytes(content)
    with pytest.raises(WeightsError, match=reason):
        load_weights(tmp_path / "vgg.pth")


def test_a_tensor_alone_is_refused(tmp_path):
    torch.save(torch.zeros(3), tmp_path / "f")
    with pytest.raises(WeightsError, match="Tensor, not a dictionary"):
        load_weights(tmp_path / "f")


def test_keras_without_h5py_says_what_to_install(tmp_path, monkeypatch):
    write_keras(tmp_path / "f.h5", vgg())
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(WeightsError, match=r"pip install 'impasto\[keras\]'"):
        load_weights(tmp_path / "f.h5")


# --- names ---


def test_unknown_name_and_missing_file():
    with pytest.raises(UnknownNameError, match=r"closest is 'vgg19\.keras'"):
        load_weights("vgg19.kears")
    with pytest.raises(MissingFileError, match=r"no/such\.pth"):
        load_weights(Path("no/such.pth"))
    with pytest.raises(UsageError):
        load_weights("such.pth")


def test_a_set_that_is_not_here_says_where_to_put_it():
    with pytest.raises(WeightsError) as caught:
        load_weights("vgg19.torchvision", download=False)
    message = str(caught.value)
    assert str(cached_path(REGISTRY["vgg19.torchvision"])) in message
    for words in ("vgg19-dcbb9e9d.pth", "548 MB", "https://download.pytorch.org/models/", "--encoder compact"):
        assert words in message


def test_registry_facts_agree_with_one_another():
    for name, source in REGISTRY.items():
        assert name == source.name
        assert source.sha256 or source.sha256_prefix or source.md5
        assert all(url.startswith("https://") and url.endswith(source.file_name) for url in source.urls)
        if source.sha256:
            assert len(source.sha256) == 64
            assert source.sha256.startswith(source.sha256_prefix or "")
            assert source.sha256[:8] in source.file_name


def test_nothing_is_created_by_asking_where(tmp_path):
    assert weight_path("vgg19.keras").parent == cache_folder() == tmp_path / "IMPASTO_CACHE"
    assert not cache_folder().exists()


def test_a_proven_file_is_remembered_until_it_changes(tmp_path, monkeypatch):
    source = REGISTRY["vgg19.keras"]
    path = cached_path(source)
    path.parent.mkdir()
    write_keras(path, vgg())
    monkeypatch.setattr(verification, "check", lambda path, source: "0" * 64)
    assert load_weights(source.name, download=False).preprocessing == CAFFE_BGR
    note = next(path.parent.glob("*.verified.json"))
    assert json.loads(note.read_text())["size"] == path.stat().st_size
    monkeypatch.undo()
    monkeypatch.setenv("IMPASTO_CACHE", str(path.parent))
    weights = load_weights(source.name, download=False)  # not read again: it would not pass
    assert (weights.name, weights.layout, weights.sha256) == ("vgg19.keras", "Keras", "0" * 64)
    os.utime(path, (1, 1))
    with pytest.raises(WeightsError, match="expected 80134624 bytes"):
        load_weights(source.name, download=False)


def test_an_archive_that_unpacks_to_more_than_it_holds_is_refused_at_once(tmp_path):
    torch.save({"conv1_1.weight": torch.zeros(1000, 3, 3, 3)}, tmp_path / "plain.pth")
    with zipfile.ZipFile(tmp_path / "plain.pth") as plain, zipfile.ZipFile(tmp_path / "bomb.pth", "w") as bomb:
        for entry in plain.namelist():
            bomb.writestr(entry, plain.read(entry), compress_type=zipfile.ZIP_DEFLATED)
    with pytest.raises(WeightsError, match=r"bomb\.pth: it unpacks to more than it holds"):
        load_weights(tmp_path / "bomb.pth")


def test_a_tensor_that_says_it_is_huge_takes_no_memory(tmp_path):
    torch.save({"conv1_1.weight": torch.zeros(1).expand(2**40, 3, 3, 3)}, tmp_path / "huge.pth")
    with pytest.raises(WeightsError, match="far more than any VGG's"):
        load_weights(tmp_path / "huge.pth")


@pytest.fixture
def proven(tmp_path, monkeypatch):
    """A file of other bytes in the place of a published one, and a note that it was proven."""
    source = REGISTRY["vgg19.torchvision"]
    path = cached_path(source)
    path.parent.mkdir()
    path.write_bytes(b"good")
    verification.remember(path, source, source.sha256)
    assert check_once(path, source) == source.sha256
    return path, source, next(path.parent.glob("*.verified.json"))


def test_a_note_is_not_believed_of_a_file_that_was_changed_and_dated_back(proven):
    path, source, _ = proven
    before = path.stat()
    path.write_bytes(b"evil")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(WeightsError, match="is not the published"):
        check_once(path, source)


def test_a_note_is_not_believed_of_another_file(proven):
    path, source, note = proven
    before = path.stat()
    other = path.with_name("other.pth")
    other.write_bytes(b"evil")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    verification._note(other, source).write_text(note.read_text())
    with pytest.raises(WeightsError, match="is not the published"):
        check_once(other, source)


@pytest.mark.parametrize("forged", ["[" * 100_000, "{", "[]", '{"sha256": []}', "\0"])
def test_a_note_that_is_none_is_not_believed(proven, forged):
    path, source, note = proven
    note.write_text(forged)
    with pytest.raises(WeightsError, match="is not the published"):
        check_once(path, source)
