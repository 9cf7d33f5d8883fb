"""Nearest-neighbour feature matching: the grid, the search, the term whole and in tiles."""

import pytest
import torch
from torch.autograd import gradcheck

from impasto.neighbors import MOST_PLACES, NeighborTerm, Places, grids, nearest, on_grid
from impasto.objective import WholeObjective
from impasto.terms import Seen
from impasto.tiled import TiledObjective
from impasto.tiling import Tiling

LAYERS = {"relu1_1": 1.0, "relu2_1": 2.0, "relu3_1": 1.0}


def test_finer_layers_are_averaged_over_each_place():
    fine = torch.arange(8 * 13.0).reshape(1, 1, 8, 13)
    found = on_grid(fine, 1, 4)
    assert found.shape == (1, 1, 2, 3)
    assert torch.equal(found[0, 0, 0], fine[0, 0, :4, :12].reshape(4, 3, 4).mean((0, 2)))
    assert torch.equal(on_grid(fine, 4, 4), fine)


def test_the_nearest_is_that_of_the_greatest_cosine_about_the_means(normal):
    rows, others = normal(50, 7), normal(40, 7) + 3
    a, b = rows - rows.mean(0), others - others.mean(0)
    cosines = (a @ b.T) / (a.norm(dim=1)[:, None] * b.norm(dim=1))
    assert torch.equal(nearest(rows, others), cosines.argmax(1))


def test_a_picture_in_its_own_style_is_its_own_neighbor(small_encoder, uniform):
    image = uniform(1, 3, 32, 48)
    term = NeighborTerm.of((small_encoder, small_encoder), image, [image], LAYERS, 1.0, 64)
    assert torch.equal(term.index.flatten(), torch.arange(8 * 12))
    features = small_encoder(image, LAYERS)
    assert float(term.value(Seen(image, features=features))) == pytest.approx(0, abs=1e-9)
    other = uniform(1, 3, 32, 48)
    assert float(term.value(Seen(other, features=small_encoder(other, LAYERS)))) > 0.01


def test_each_layer_has_the_say_of_its_weight(small_encoder, uniform):
    tiling = Tiling(small_encoder, LAYERS, 64)
    places = Places.of(tiling, [uniform(1, 3, 32, 48), uniform(1, 3, 24, 24)], LAYERS)
    sizes = [float(rows.square().sum(1).mean().sqrt()) for rows in places.rows.values()]
    assert sizes == pytest.approx(list(LAYERS.values()))
    assert {len(rows) for rows in places.rows.values()} == {8 * 12 + 6 * 6}


def test_the_places_of_large_styles_are_thinned_out(small_encoder, uniform):
    style = uniform(1, 3, 4, 1).expand(1, 3, 4, 2 * MOST_PLACES)
    places = Places.of(Tiling(small_encoder, ["relu1_1"], 2 * MOST_PLACES), [style], {"relu1_1": 1.0})
    assert len(places.rows["relu1_1"]) == MOST_PLACES


def test_styles_have_places_in_proportion_to_their_shares(small_encoder, uniform):
    tiling, styles = Tiling(small_encoder, LAYERS, 64), [uniform(1, 3, 32, 48), uniform(1, 3, 32, 48)]
    alone, both, equal = (Places.of(tiling, styles, LAYERS, (), shares) for shares in ((2.0, 0.0), (1.0, 0.25), (3, 3)))
    one = Places.of(tiling, styles[:1], LAYERS)
    for layer in LAYERS:
        assert torch.equal(alone.rows[layer], one.rows[layer])
        assert len(both.rows[layer]) == 96 + 24
        assert torch.equal(equal.rows[layer], Places.of(tiling, styles, LAYERS).rows[layer])


def test_the_gradient_is_that_of_the_value(small_encoder, uniform):
    image, style = uniform(1, 3, 8, 12), uniform(1, 3, 16, 16)
    term = NeighborTerm.of((small_encoder, small_encoder), image, [style], LAYERS, 1.0, 64)
    features = {name: f.detach() for name, f in small_encoder(uniform(1, 3, 8, 12), LAYERS).items()}

    def value(*given):
        return term.value(Seen(image, features=dict(zip(features, given, strict=True))))

    assert gradcheck(value, tuple(f.requires_grad_(True) for f in features.values()))


@pytest.mark.parametrize("size", [(64, 96), (67, 101)])
def test_tiles_see_what_the_whole_does(size, small_encoder, uniform):
    content, style, image = uniform(1, 3, *size), uniform(1, 3, 48, 40), uniform(1, 3, *size)
    encoders = small_encoder, small_encoder
    term = NeighborTerm.of(encoders, content, [style], LAYERS, 3.0, max(size))
    assert torch.equal(NeighborTerm.of(encoders, content, [style], LAYERS, 3.0, 32).index, term.index)
    whole = WholeObjective(small_encoder, [term]).evaluate(image)
    tiled = TiledObjective(small_encoder, [term], 32).evaluate(image)
    assert float(tiled.loss) == pytest.approx(float(whole.loss), rel=1e-10)
    torch.testing.assert_close(tiled.grad, whole.grad, rtol=1e-8, atol=1e-12)


def test_a_grid_has_the_features_of_its_places(small_encoder, uniform):
    image = uniform(1, 3, 16, 25)
    found = grids(Tiling(small_encoder, ["relu1_1", "relu3_1"], 64), image)
    features = small_encoder(image, ["relu1_1", "relu3_1"])
    assert torch.equal(found["relu3_1"], features["relu3_1"])
    assert torch.allclose(found["relu1_1"][0, :, 1, 2], features["relu1_1"][0, :, 4:8, 8:12].mean((1, 2)))
