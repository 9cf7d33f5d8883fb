"""The painter: networks that are loaded once, what it calls and gives back, and pictures that are let go."""

import gc
import math
import time
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import impasto
from impasto import sources
from impasto.encoders.base import sums_by_features
from impasto.encoders.catalog import find_weights
from impasto.encoders.chain import ChainEncoder
from impasto.errors import ImageError, ImpastoError, UnknownNameError, UsageError
from impasto.fitting import Views
from impasto.given import Given
from impasto.images import resize, to_pil
from impasto.loading import Encoders
from impasto.painting import pixels_hash
from impasto.presets import preset
from impasto.problem import PictureProblem
from impasto.recipe import Recipe
from impasto.record import read_record
from impasto.schedule import Level
from impasto.sources import Resampled
from impasto.statistics import moments

QUICK = {"preset": "fast", "size": 48, "iterations": 3, "device": "cpu", "dtype": "float32"}


@pytest.fixture
def pair(uniform):
    """A content and a style, (1, 3, 40, 48) each."""
    return uniform(1, 3, 40, 48).float(), uniform(1, 3, 40, 48).float()


# Networks


def test_networks_are_loaded_once(pair, monkeypatch):
    from impasto import loading

    found, find_weights = [], loading.find_weights
    monkeypatch.setattr(
        loading, "find_weights", lambda *given, **more: found.append(given) or find_weights(*given, **more)
    )
    painter = impasto.Painter("cpu")
    first, second = (painter.prepare(*pair, size=48, iterations=1, strength=s) for s in (0.3, 0.7))
    assert first.plan.encoder is second.plan.encoder
    assert found == [("vgg19", None)]
    texture = painter.prepare_texture(pair[1], size=(48, 48), iterations=1)
    assert texture.plan.encoder is first.plan.encoder
    assert painter.prepare(*pair, size=48, pooling="average").plan.encoder is not first.plan.encoder
    assert found == [("vgg19", None)]


def test_a_weight_file_that_has_changed_is_read_again(pair, tmp_path, vgg_tensors):
    file, painter, pictures = tmp_path / "own.safetensors", impasto.Painter("cpu"), []
    for widths in ((4, 5, 6, 7, 8), (5, 5, 6, 7, 8), None):
        if widths:
            save_file(vgg_tensors(widths=widths), file)
        pictures.append(painter.stylize(*pair, **QUICK, weights=file, output="torch"))
    assert not torch.equal(pictures[0], pictures[1])
    assert torch.equal(pictures[1], pictures[2])


def test_the_painters_device_and_number_format_take_the_presets_places(pair):
    painter = impasto.Painter("cpu", "float64")
    for settings in ({}, {"dtype": None, "device": None}, {"preset": "gatys2016-code", "encoder": "compact"}):
        run = painter.prepare(*pair, size=48, iterations=2, **settings)
        assert (run.recipe.device, run.plan.encoder.dtype) == ("cpu", torch.float64)
    assert painter.prepare(*pair, size=48, iterations=2, dtype="float32").plan.encoder.dtype == torch.float32


def test_a_recipe_of_ones_own_is_taken_as_it_is(pair):
    own = Recipe(name="mine", size=48, iterations=2, dtype="float64", device="cpu", strength=0.25)
    run = impasto.prepare(*pair, preset=own)
    assert run.recipe == own
    assert impasto.prepare(*pair, preset=own, strength=0.5).recipe == own.override(strength=0.5)


# Calls and results


def test_the_callback_sees_every_step(pair):
    steps = []
    impasto.stylize(*pair, **QUICK, callback=steps.append)
    assert [step.done for step in steps] == [1, 2, 3]
    assert all(isinstance(step, impasto.Step) for step in steps)


def test_a_callback_that_returns_false_ends_the_run(pair):
    steps = []

    def twice(step):
        steps.append(step)
        return step.done < 2

    picture = impasto.stylize(*pair, **QUICK, callback=twice)
    assert len(steps) == 2
    assert (picture.record.result.evaluations, picture.record.result.of) == (2, 3)
    assert torch.equal(picture.pixels, steps[-1].image.clamp(0, 1))


def test_a_run_that_ends_on_a_coarse_level_gives_the_full_size(uniform):
    content = uniform(1, 3, 200, 260)
    picture = impasto.stylize(content, content, size=260, iterations=8, device="cpu", callback=lambda step: False)
    assert picture.size == (260, 200)


def test_all_outputs_are_one_picture(pair):
    as_pil, as_array, as_tensor = (impasto.stylize(*pair, **QUICK, output=kind) for kind in ("pil", "numpy", "torch"))
    assert (as_array.shape, as_array.dtype) == ((40, 48, 3), np.float32)
    assert (as_tensor.shape, as_tensor.dtype) == ((1, 3, 40, 48), torch.float32)
    assert 0 <= as_array.min() <= as_array.max() <= 1
    assert np.array_equal(as_array, as_tensor[0].permute(1, 2, 0).numpy())
    assert torch.equal(as_pil.pixels, as_tensor)
    assert as_pil.tobytes() == to_pil(as_tensor).tobytes()
    assert isinstance(as_pil, Image.Image)


@pytest.mark.parametrize("name", ["out.png", "out.jpg", "out.webp", "out.tiff"])
def test_a_saved_picture_keeps_its_record(pair, tmp_path, name):
    picture = impasto.stylize(*pair, **QUICK)
    picture.save(tmp_path / name)
    assert read_record(tmp_path / name) == picture.record
    assert picture.record.result.pixels == pixels_hash(picture.pixels, None)
    if name == "out.png":
        with Image.open(tmp_path / name) as back:
            assert back.tobytes() == picture.tobytes()


def test_a_picture_is_saved_as_any_of_pillows_where_that_is_asked_for(pair, tmp_path):
    picture = impasto.stylize(*pair, **QUICK)
    picture.save(tmp_path / "out.gif")
    picture.save(tmp_path / "out.jpg", quality=20)
    with (tmp_path / "stream").open("wb") as file:
        picture.save(file, "PNG")
    for saved in ("out.gif", "out.jpg", "stream"):
        with Image.open(tmp_path / saved) as back:
            assert back.size == (48, 40)
    with pytest.raises(UsageError, match=r"no ending of an image file. Choose one of .png"):
        picture.save(tmp_path / "out.xyz")
    assert picture.resize((24, 20)).size == (24, 20)
    assert picture.copy().tobytes() == picture.tobytes()


def test_transparency_comes_back_and_is_saved(pair, tmp_path):
    content = to_pil(pair[0], torch.linspace(0, 1, 48).expand(1, 1, 40, 48))
    picture = impasto.stylize(content, pair[1], **QUICK)
    assert picture.mode == "RGBA"
    assert picture.alpha.shape == (1, 1, 40, 48)
    picture.save(tmp_path / "out.png")
    with Image.open(tmp_path / "out.png") as back:
        assert back.tobytes() == picture.tobytes()


def test_textures_and_reconstructions_are_made_alike(pair):
    for made in (
        impasto.synthesize(pair[1], **QUICK, output="numpy"),
        impasto.reconstruct(pair[0], **QUICK, output="numpy"),
        impasto.reconstruct(pair[0], representation="style", layers=["relu1_1"], **QUICK, output="numpy"),
    ):
        assert made.shape == (40, 48, 3)
        assert np.isfinite(made).all()


# What is refused


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"strenght": 0.5}, "Unknown setting 'strenght'; the closest is 'strength'"),
        ({"output": "jpeg"}, "Unknown output 'jpeg'"),
        ({"output": None}, "output is None"),
        ({"preset": "tutorail"}, "the closest is 'tutorial'"),
        ({"preset": 5}, "preset"),
        ({"preset": None}, "preset"),
        ({"callback": "often"}, "callback"),
        ({"strength": "much"}, "strength is 'much'"),
        ({"size": 48.5}, "size is 48.5"),
        ({"size": (48, 48)}, "a transfer has one size"),
        ({"style_layers": "relu1_1"}, "style_layers is 'relu1_1'"),
        ({"tileable": True}, "no tileable"),
        ({"init": 3}, "3"),
        ({"init": "contnt"}, "Unknown init 'contnt'; the closest is 'content'"),
        ({"solver": 3}, "solver is 3"),
        ({"weights": 3}, "weights is 3"),
        ({"schedule": {"nonsense": 1}}, "schedule"),
    ],
    ids=str,
)
def test_a_wrong_argument_is_an_error_of_ours_that_names_it(settings, message, pair):
    with pytest.raises(ImpastoError) as error:
        impasto.stylize(*pair, **(QUICK | settings))
    assert message in str(error.value)


@pytest.mark.parametrize("wrong", [3, None, [], {}, 2.5, object()], ids=lambda wrong: type(wrong).__name__)
def test_what_is_no_picture_is_refused(wrong, pair):
    for arguments in ((wrong, pair[1]), (pair[0], wrong), (pair[0], [pair[1], wrong])):
        with pytest.raises(ImpastoError):
            impasto.prepare(*arguments, **QUICK)


def test_representations_are_two(pair):
    with pytest.raises(UnknownNameError, match="Unknown representation 'colour'"):
        impasto.reconstruct(pair[0], representation="colour")
    with pytest.raises(UsageError, match="layers is 3"):
        impasto.reconstruct(pair[0], layers=3)


# What programs have in hand


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"device": torch.device("cpu"), "dtype": torch.float32}, {"device": "cpu", "dtype": "float32"}),
        ({"size": "48"}, {"size": 48}),
        ({"size": np.int64(48), "seed": np.int32(3)}, {"size": 48, "seed": 3}),
        ({"strength": np.float32(0.5)}, {"strength": 0.5}),
        ({"style_weights": np.array([2])}, {"style_weights": (2.0,)}),
        ({"style_weights": torch.tensor([2.0])}, {"style_weights": (2.0,)}),
        ({"memory": 10**13}, {"memory": "10000000000000"}),
        ({"relative": np.bool_(True)}, {"relative": True}),
    ],
    ids=str,
)
def test_settings_are_read_in_the_types_that_programs_have(given, kept, pair):
    recipe = impasto.prepare(*pair, **(QUICK | given)).recipe
    assert {name: getattr(recipe, name) for name in kept} == kept
    assert all(type(getattr(recipe, name)) is type(value) for name, value in kept.items())


def test_a_painter_takes_pytorchs_own_names(pair):
    run = impasto.Painter(torch.device("cpu"), torch.float64).prepare(*pair, size=48, iterations=2)
    assert run.plan.encoder.dtype == torch.float64


@pytest.mark.parametrize(
    "wrong", [[], [1], {1}, 3.5, torch.zeros(5), np.zeros((3, 40, 48)), torch.full((3, 9, 9), 7.0)], ids=str
)
@pytest.mark.parametrize("role", ["content", "style", "init"])
def test_what_is_wrong_with_a_picture_is_said_of_its_role(role, wrong, pair):
    given = {"content": pair[0], "style": pair[1], "init": None, role: [wrong] if role == "style" else wrong}
    content, style = given.pop("content"), given.pop("style")
    with pytest.raises(UsageError) as error:
        impasto.prepare(content, style, **QUICK, **given)
    assert str(error.value).startswith(f"{role}: ")
    assert len(str(error.value)) < 300


def test_styles_may_be_any_sequence_and_a_text_is_one_name(pair, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "b.png"):
        to_pil(pair[1]).save(name)
    for styles in (("a.png", "b.png"), ["a.png", "b.png"], iter(["a.png", "b.png"])):
        assert len(impasto.prepare(pair[0], styles, **QUICK).inputs) == 3
    with pytest.raises(UsageError, match=r"no file a\.png,b\.png\. If several are meant, name each by itself"):
        impasto.prepare(pair[0], "a.png,b.png", **QUICK)
    with pytest.raises(UsageError, match=r"style_layers is 'relu1_1'; it must be names of layers, such as \('relu4_2'"):
        impasto.prepare(*pair, **QUICK, style_layers="relu1_1")


# Pictures


def held_by(thing):
    """Bytes of the tensors that can be reached from `thing`, those of networks left out."""
    seen, storages, todo = set(), {}, [thing]
    while todo:
        each = todo.pop()
        if (
            id(each) in seen
            or isinstance(each, type | ModuleType | Encoders | ChainEncoder)
            or "__name__" in dir_of(each)
        ):
            continue
        seen.add(id(each))
        if isinstance(each, torch.Tensor):
            storages[each.untyped_storage().data_ptr()] = each.untyped_storage().nbytes()
        else:
            todo += gc.get_referents(each)
    return sum(storages.values())


def dir_of(found):
    """The keys of a dictionary, which may be a module's; no keys of all else."""
    return found.keys() if isinstance(found, dict) else ()


def test_a_small_run_does_not_hold_the_large_picture():
    """By asking who refers to whom.  The photograph has 72 MB, and is a style and the beginning too."""
    content, style = torch.rand(1, 3, 200, 300), torch.rand(1, 3, 300, 200)
    large = torch.nn.functional.interpolate(content, (2000, 3000))
    run = impasto.prepare(large, [style, large], init=large, size=64, iterations=2, device="cpu")
    assert 3 * 43 * 64 * 4 < held_by(run) < 1_000_000
    assert len(list(run)) == 2


def test_a_picture_is_opened_once(pair, tmp_path, monkeypatch):
    names = []
    for i, picture in enumerate(pair):
        to_pil(picture).save(tmp_path / f"{i}.png")
    load = sources.load_image
    monkeypatch.setattr(sources, "load_image", lambda file, **how: names.append(file.name) or load(file, **how))
    run = impasto.prepare(tmp_path / "0.png", tmp_path / "1.png", size=256, levels=2, iterations=4, device="cpu")
    assert len(run.plan.levels) == 2
    list(run)
    run.record()
    assert names == ["0.png", "1.png"]


class Shown:
    """The built-in encoder, and the shapes that it was shown."""

    def __init__(self, encoder):
        self._encoder, self.shapes = encoder, []
        self.name, self.layers, self.device, self.dtype = encoder.name, encoder.layers, encoder.device, encoder.dtype
        self.padding = encoder.padding

    def __call__(self, image, layers):
        self.shapes.append(tuple(image.shape[-2:]))
        return self._encoder(image, layers)

    sums = sums_by_features


def test_a_style_much_larger_than_the_picture_is_seen_in_tiles(compact, uniform):
    """As large as the picture at most, with their halos; its moments are those of the whole to a rounding."""
    layers = ("relu1_1", "relu2_1")
    recipe = preset("fast").override(style_layers=layers, content_layers=layers[:1], init="content")
    content, style, level = uniform(1, 3, 64, 64).float(), uniform(1, 3, 320, 256).float(), Level(64, 64, 1)
    given = Given(Resampled(content, resize), (Resampled(style, resize),))
    found = {}
    for scale in (1.0, 5.0):
        shown = Shown(compact)
        problem = PictureProblem(recipe, given, Views(recipe, lambda _, shown=shown: shown), style_scales=[scale])
        found[scale] = {term.layer: term.target for term in problem.sitting(level).style_terms()}
        largest = max(math.prod(shape) for shape in shown.shapes)
        assert largest <= (64 + 2 * 32) ** 2 if scale == 5.0 else shown.shapes == [(64, 51)]
    whole = compact(style, layers)
    for layer, expected in whole.items():
        torch.testing.assert_close(found[5.0][layer].gram, moments(expected).gram, rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(found[5.0][layer].mean, moments(expected).mean, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("scale", [40.0, 1e9, 1e300])
def test_a_style_that_would_be_larger_than_any_file_may_be_is_refused(scale, pair):
    for style in (pair[1], "swatch:mosaic"):
        with pytest.raises(UsageError, match=r"style_scale is .* the limit is 1,000,000\. Choose a smaller"):
            impasto.prepare(pair[0], style, **QUICK, style_scale=scale, max_pixels=1_000_000)


def test_a_file_with_more_pixels_than_allowed_is_refused(pair, tmp_path):
    to_pil(pair[0]).save(tmp_path / "large.png")
    with pytest.raises(ImageError, match="pixels"):
        impasto.prepare(tmp_path / "large.png", pair[1], **QUICK, max_pixels=1000)


def test_an_argument_that_a_painter_does_not_have_is_told_with_the_closest():
    with pytest.raises(UnknownNameError, match=r"Unknown argument 'devise' for a painter; the closest is 'device'\."):
        impasto.Painter(devise="cpu")


def test_threads_that_ask_at_once_share_one_network_of_the_right_weights(monkeypatch):
    found = []

    def slowly(encoder, weights, **options):
        time.sleep(0.05)
        found.append(encoder)
        return find_weights(encoder, weights, **options)

    monkeypatch.setattr("impasto.loading.find_weights", slowly)
    loaded, recipes = Encoders(), [preset(name).override(device="cpu") for name in ("fast", "best", "fast", "best")]
    with ThreadPoolExecutor(4) as pool:
        one, two, *again = pool.map(loaded.load, recipes)
    assert again == [one, two]
    assert one is again[0] and two is again[1] and one is not two
    assert sorted(found) == ["compact", "vgg19"]
