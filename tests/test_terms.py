"""Terms: what each kind needs, its value and its parts; and terms of a caller's own."""

from dataclasses import replace

import pytest
import torch
from torch.autograd import gradcheck

import impasto
from impasto.encoders.base import Sums
from impasto.errors import UsageError
from impasto.fitting import Views
from impasto.given import Given
from impasto.images import resize
from impasto.losses import (
    Whole,
    covariance_error,
    gram_error,
    half_squared_sum,
    mean_std_error,
    relative_squared_error,
    total_variation,
)
from impasto.objective import WholeObjective, check_terms
from impasto.presets import preset
from impasto.problem import PictureProblem
from impasto.recipe import Recipe
from impasto.schedule import Level
from impasto.sources import Resampled
from impasto.statistics import moments
from impasto.terms import ContentTerm, FeatureTerm, Needs, PixelTerm, RecomputedContentTerm, Seen, StyleTerm
from impasto.tiled import TiledObjective
from impasto.tiling import Tiling


@pytest.fixture
def features(normal):
    """Features of a picture and of its target, (1, 4, 6, 5) in float64."""
    return normal(1, 4, 6, 5), normal(1, 4, 6, 5)


# A style term


def test_a_style_term_is_the_loss_of_the_sums_it_needs(features):
    f, target = features[0], moments(features[1])
    term = StyleTerm("relu1_1", target, 3.0, mean_std_error)
    assert (term.name, term.weight, term.additive) == ("style/relu1_1", 3.0, True)
    assert term.needs == Needs(sums=(Sums("relu1_1"),))
    seen = Seen(f, sums={term.needs.sums[0]: moments(f)})
    assert float(term.value(seen)) == float(mean_std_error(moments(f), target))
    assert StyleTerm("relu1_1", target, 1.0, region="sky").name == "style/relu1_1/sky"


def test_a_style_term_with_a_guide_counts_each_position_so_many_times(small_encoder, uniform):
    image, style, guide = uniform(1, 3, 16, 24), uniform(1, 3, 20, 20), uniform(1, 1, 16, 24)
    target = moments(small_encoder(style, ["relu1_1"])["relu1_1"])
    term = StyleTerm("relu1_1", target, 2.0, covariance_error, guide, "sky")
    found = WholeObjective(small_encoder, [term]).evaluate(image)
    counted = moments(small_encoder(image, ["relu1_1"])["relu1_1"], guide)
    assert float(found.terms["style/relu1_1/sky"]) == pytest.approx(
        float(2 * covariance_error(counted, target)), rel=1e-12
    )
    plain = WholeObjective(small_encoder, [replace(term, guide=None)]).evaluate(image)
    assert float(plain.loss) != pytest.approx(float(found.loss), rel=1e-3)


def test_a_guide_of_ones_and_one_of_zeros_are_everything_and_a_part(small_encoder, uniform):
    image, target = uniform(1, 3, 16, 24), moments(uniform(1, 4, 8, 8))
    left = torch.zeros(1, 1, 16, 24, dtype=torch.float64)
    left[..., :12] = 1

    def loss(guide):
        term = StyleTerm("relu1_1", target, 1.0, guide=guide)
        return float(WholeObjective(small_encoder, [term]).evaluate(image).loss)

    assert loss(torch.ones_like(left)) == pytest.approx(loss(None), rel=1e-12)
    part = small_encoder(image, ["relu1_1"])["relu1_1"][..., :12]
    assert loss(left) == pytest.approx(float(gram_error(moments(part), target)), rel=1e-12)


def test_styles_of_two_regions_add_up_in_one_evaluation_and_in_tiles(small_encoder, uniform):
    image, left = uniform(1, 3, 64, 96), uniform(1, 1, 64, 96)
    targets = [moments(small_encoder(uniform(1, 3, 32, 32), ["relu1_1"])["relu1_1"]) for _ in range(2)]
    terms = [
        StyleTerm("relu1_1", target, 1.5, mean_std_error, guide, name)
        for target, guide, name in zip(targets, (left, 1 - left), ("left", "right"), strict=True)
    ]
    whole, tiled = (
        WholeObjective(small_encoder, terms).evaluate(image),
        TiledObjective(small_encoder, terms, 32).evaluate(image),
    )
    alone = [WholeObjective(small_encoder, [term]).evaluate(image) for term in terms]
    assert float(whole.loss) == pytest.approx(sum(float(each.loss) for each in alone), rel=1e-12)
    torch.testing.assert_close(whole.grad, alone[0].grad + alone[1].grad, rtol=1e-9, atol=1e-16)
    torch.testing.assert_close(tiled.grad, whole.grad, rtol=1e-9, atol=1e-16)


# Content terms


def test_a_content_term_is_the_loss_of_the_features_it_needs(features):
    term = ContentTerm("relu4_2", features[1], 3.0, half_squared_sum)
    assert (term.name, term.weight, term.additive) == ("content/relu4_2", 3.0, True)
    assert term.needs == Needs(features=("relu4_2",))
    value = term.value(Seen(features[0], features={"relu4_2": features[0]}))
    assert float(value) == float(half_squared_sum(*features))


def test_the_parts_of_a_content_term_add_up_to_it_and_are_made_of_the_recomputed_too(small_encoder, uniform):
    image, content, layer = uniform(1, 3, 64, 80), uniform(1, 3, 64, 80), "relu2_1"
    tiling = Tiling(small_encoder, [layer], 32)
    f, target = (small_encoder(x, [layer])[layer] for x in (image, content))
    kept = ContentTerm(layer, target, 1.0, relative_squared_error)
    again = RecomputedContentTerm(layer, content, Whole.of(target), tiling, 1.0, relative_squared_error)
    assert (again.name, again.needs) == (kept.name, kept.needs)
    totals = [0.0, 0.0]
    tiles = tiling.tiles(64, 80)
    assert len(tiles) > 2
    for tile in tiles:
        seen = Seen(image, features=tiling.interiors(image, tile))
        for i, term in enumerate((kept, again)):
            totals[i] += float(term.part(tiling, tile).value(seen))
    expected = float(kept.value(Seen(image, features={layer: f})))
    assert totals == pytest.approx([expected, expected], rel=1e-12)
    with pytest.raises(NotImplementedError, match="tile by tile"):
        again.value(Seen(image, features={layer: f}))


# Terms of pixels and of features


def test_a_pixel_term_is_the_loss_of_the_picture(uniform):
    image, term = uniform(1, 3, 8, 9), PixelTerm("tv", 0.5)
    assert term.needs == Needs(pixels=True)
    assert float(term.value(Seen(image))) == float(total_variation(image))
    assert term.part(None, None) is term


def test_a_feature_term_is_shown_its_layers_by_name(features):
    def loss(found):
        assert found.keys() == {"relu1_1", "relu2_1"}
        return (found["relu1_1"] * found["relu2_1"]).sum()

    term = FeatureTerm("product", 2.0, ("relu1_1", "relu2_1"), loss)
    assert term.needs == Needs(features=("relu1_1", "relu2_1"))
    seen = Seen(
        features[0], features=dict(zip(("relu1_1", "relu2_1", "relu3_1"), (*features, features[0]), strict=True))
    )
    assert float(term.value(seen)) == pytest.approx(float((features[0] * features[1]).sum()), rel=1e-14)


@pytest.mark.parametrize("kind", ["style", "guided style", "content", "pixels", "features"])
def test_the_gradient_of_every_kind_is_that_of_differences(kind, normal, uniform):
    target, guide = normal(1, 3, 4, 5), uniform(1, 1, 4, 5)
    term = {
        "style": StyleTerm("l", moments(target), 1.0, covariance_error),
        "guided style": StyleTerm("l", moments(target), 1.0, gram_error, guide),
        "content": ContentTerm("l", target, 1.0, relative_squared_error),
        "pixels": PixelTerm("tv", 1.0, total_variation),
        "features": FeatureTerm("own", 1.0, ("l",), lambda found: found["l"].sin().sum()),
    }[kind]

    def value(x):
        sums = {each: moments(x, each.weight) for each in term.needs.sums}
        return term.value(Seen(x, sums, dict.fromkeys(term.needs.features, x)))

    assert gradcheck(value, normal(1, 3, 4, 5).requires_grad_())


# Terms of a caller's own


def darkness(image):
    return image.mean()


def test_a_loss_of_ones_own_takes_three_lines(uniform):
    content, style = uniform(1, 3, 40, 48), uniform(1, 3, 40, 48)
    quick = {"size": 48, "iterations": 8, "device": "cpu", "dtype": "float32", "output": "torch"}
    dark = impasto.PixelTerm("dark", 50.0, darkness)
    ours = impasto.stylize(content, style, **quick, extra_terms=[dark])
    assert float(ours.mean()) < float(impasto.stylize(content, style, **quick).mean()) - 0.05


def test_a_term_of_ones_own_is_recorded_by_its_name(uniform):
    content, steps = uniform(1, 3, 40, 48), []
    flat = impasto.FeatureTerm("flat", 0.1, ("relu2_1",), lambda found: found["relu2_1"].var())
    made = impasto.stylize(
        content, content, size=48, iterations=2, device="cpu", extra_terms=[flat], callback=steps.append
    )
    assert steps[0].terms["flat"] > 0
    assert made.record.settings["extra_terms"] == ["flat"]


def evaluate(encoder, tile, uniform_picture, *extra, alpha=None):
    """All terms of the default recipe and `extra`, in tiles of that side or whole."""
    picture = Resampled(uniform_picture, resize, alpha=alpha)
    layers = {"relu1_1": 1.0, "relu2_1": 1.0}
    recipe = replace(preset("fast"), style_layers=layers, content_layers={"relu2_1": 1.0}, extra_terms=extra)
    problem = PictureProblem(recipe, Given(picture, (picture,)), Views(recipe, lambda _: encoder))
    height, width = uniform_picture.shape[-2:]
    return problem.objective(Level(height, width, 1, tile)).evaluate(uniform_picture.flip(3))


def test_a_term_that_does_not_add_up_is_refused_in_tiles(small_encoder, uniform):
    image = uniform(1, 3, 64, 96)
    spread = FeatureTerm("spread", 1.0, ("relu2_1",), lambda found: found["relu2_1"].std())
    assert "spread" in evaluate(small_encoder, None, image, spread).terms
    with pytest.raises(UsageError, match=r"The term spread cannot be evaluated in tiles: .*smaller --size"):
        evaluate(small_encoder, 32, image, spread)


def test_a_term_that_adds_up_is_the_same_in_tiles(small_encoder, uniform):
    image = uniform(1, 3, 64, 96)
    energy = FeatureTerm(
        "energy", 1e-3, ("relu1_1", "relu3_1"), lambda f: sum(x.square().sum() for x in f.values()), True
    )
    whole, tiled = (evaluate(small_encoder, tile, image, energy) for tile in (None, 32))
    assert whole.terms.keys() == tiled.terms.keys() >= {"energy", "range", "content/relu2_1", "style/relu1_1"}
    for name, value in whole.terms.items():
        assert float(tiled.terms[name]) == pytest.approx(float(value), rel=1e-10)
    assert float((tiled.grad - whole.grad).abs().max()) < 1e-10 * float(whole.grad.abs().max())


def test_two_terms_of_one_name_are_refused(small_encoder, uniform):
    twice = [PixelTerm("tv", 1.0), PixelTerm("tv", 2.0)]
    with pytest.raises(UsageError, match="2 terms are called 'tv'; give each a name of its own"):
        check_terms(twice)
    for objective in (WholeObjective, lambda *given: TiledObjective(*given, 32)):
        with pytest.raises(UsageError, match="2 terms are called 'tv'"):
            objective(small_encoder, twice)
    content = uniform(1, 3, 40, 48)
    with pytest.raises(UsageError, match="2 terms are called 'range'"):
        impasto.stylize(content, content, size=48, iterations=1, extra_terms=[PixelTerm("range", 1.0)])


def test_no_term_at_all_is_refused():
    with pytest.raises(UsageError, match="Nothing to optimise"):
        check_terms([])


def test_what_is_no_term_is_refused():
    with pytest.raises(UsageError, match=r"extra_terms has .* which is no term; see impasto\.PixelTerm"):
        impasto.prepare("swatch:mosaic", "swatch:mosaic", size=48, extra_terms=[darkness])


def test_a_layer_that_the_encoder_does_not_have_is_refused(uniform):
    content = uniform(1, 3, 40, 48)
    term = FeatureTerm("own", 1.0, ("relu9_9",), lambda found: found["relu9_9"].sum())
    with pytest.raises(UsageError, match="relu9_9"):
        impasto.stylize(content, content, size=48, iterations=1, extra_terms=[term])


def test_terms_of_a_generator_are_all_there():
    assert Recipe(extra_terms=(PixelTerm(name, 1.0) for name in "ab")).to_json()["extra_terms"] == ["a", "b"]


@pytest.mark.parametrize("weight", ["x", None, float("nan"), True])
def test_a_weight_that_is_no_number_is_refused_with_its_terms_name(weight):
    with pytest.raises(UsageError, match="the weight of dark is"):
        Recipe(extra_terms=[PixelTerm("dark", weight)])


@pytest.mark.parametrize("value", [1.0, None, torch.ones(2)], ids=str)
def test_a_term_whose_value_is_no_number_is_named(compact, value):
    odd = PixelTerm("odd", 1.0, lambda image: value)
    with pytest.raises(UsageError, match=r"The term odd gave .* must be a tensor of no dimensions"):
        WholeObjective(compact, [odd]).evaluate(torch.rand(1, 3, 32, 32))


def test_weights_by_transparency_are_the_same_in_tiles(small_encoder, uniform):
    image, alpha = uniform(1, 3, 64, 96), torch.ones(1, 1, 64, 96, dtype=torch.float64)
    alpha[..., :48] = 0
    whole, tiled = (evaluate(small_encoder, tile, image, alpha=alpha) for tile in (None, 32))
    for name, value in whole.terms.items():
        assert float(tiled.terms[name]) == pytest.approx(float(value), rel=1e-10)
    assert float((tiled.grad - whole.grad).abs().max()) < 1e-10 * float(whole.grad.abs().max())
    opaque = evaluate(small_encoder, None, image)
    for name in ("style/relu1_1", "content/relu2_1"):
        assert float(opaque.terms[name]) != pytest.approx(float(whole.terms[name]), rel=1e-3)
