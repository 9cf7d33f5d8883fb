"""Nearest-neighbour feature matching: the grid, the search, the term whole and in tiles."""

import pytest
import torch
from torch.autograd import gradcheck

from impasto.neighbors import GRID, MOST_PLACES, NeighborTerm, Places, nearest, on_grid, rows_of
from impasto.objective import WholeObjective
from impasto.terms import Seen
from impasto.tiled import TiledObjective

LAYERS = {"relu1_1": 1.0, "relu2_1": 2.0, "relu3_1": 1.0}


def test_finer_layers_are_averaged_and_coarser_ones_repeated():
    fine = torch.arange(8 * 12.0).reshape(1, 1, 8, 12)
    assert torch.equal(on_grid(fine, 1, (2, 3))[0, 0, 0], fine[0, 0, :4].reshape(4, 3, 4).mean((0, 2)))
    coarse = torch.tensor([[1.0, 2.0]])[None, None]
    expected = torch.tensor([[1.0, 1, 2, 2, 2]] * 3)
    assert torch.equal(on_grid(coarse, 2 * GRID, (3, 5))[0, 0], expected)


def test_the_nearest_is_that_of_the_greatest_cosine_about_the_means(normal):
    rows, others = normal(50, 7), normal(40, 7) + 3
    a, b = rows - rows.mean(0), others - others.mean(0)
    cosines = (a @ b.T) / (a.norm(dim=1)[:, None] * b.norm(dim=1))
    assert torch.equal(nearest(rows, others), cosines.argmax(1))


def test_a_picture_in_its_own_style_is_its_own_neighbor(small_encoder, uniform):
    image = uniform(1, 3, 32, 48)
    term = NeighborTerm.of(small_encoder, small_encoder, image, [image], LAYERS, 1.0)
    assert torch.equal(term.index.flatten(), torch.arange(8 * 12))
    features = small_encoder(image, LAYERS)
    assert float(term.value(Seen(image, features=features))) == pytest.approx(0, abs=1e-9)
    other = uniform(1, 3, 32, 48)
    assert float(term.value(Seen(other, features=small_encoder(other, LAYERS)))) > 0.01


def test_each_layer_has_the_say_of_its_weight(small_encoder, uniform):
    places = Places.of(small_encoder, [uniform(1, 3, 32, 48), uniform(1, 3, 24, 24)], LAYERS)
    sizes = [float(rows.square().sum(1).mean().sqrt()) for rows in places.rows.values()]
    assert sizes == pytest.approx(list(LAYERS.values()))
    assert {len(rows) for rows in places.rows.values()} == {8 * 12 + 6 * 6}


def test_the_places_of_large_styles_are_thinned_out(small_encoder, uniform):
    style = uniform(1, 3, 4, 1).expand(1, 3, 4, 8 * MOST_PLACES)
    places = Places.of(small_encoder, [style], {"relu1_1": 1.0})
    assert len(places.rows["relu1_1"]) == MOST_PLACES


def test_the_gradient_is_that_of_the_value(small_encoder, uniform):
    image, style = uniform(1, 3, 8, 12), uniform(1, 3, 16, 16)
    term = NeighborTerm.of(small_encoder, small_encoder, image, [style], LAYERS, 1.0)
    features = {name: f.detach() for name, f in small_encoder(uniform(1, 3, 8, 12), LAYERS).items()}

    def value(*given):
        return term.value(Seen(image, features=dict(zip(features, given, strict=True))))

    assert gradcheck(value, tuple(f.requires_grad_(True) for f in features.values()))


@pytest.mark.parametrize("size", [(64, 96), (67, 101)])
def test_tiles_see_what_the_whole_does(size, small_encoder, uniform):
    content, style, image = uniform(1, 3, *size), uniform(1, 3, 48, 40), uniform(1, 3, *size)
    term = NeighborTerm.of(small_encoder, small_encoder, content, [style], LAYERS, 3.0)
    whole = WholeObjective(small_encoder, [term]).evaluate(image)
    tiled = TiledObjective(small_encoder, [term], 32).evaluate(image)
    assert float(tiled.loss) == pytest.approx(float(whole.loss), rel=1e-10)
    torch.testing.assert_close(tiled.grad, whole.grad, rtol=1e-8, atol=1e-12)


def test_rows_are_places_in_reading_order(small_encoder, uniform):
    image = uniform(1, 3, 16, 24)
    rows, shape = rows_of(small_encoder, image, ["relu3_1"])
    assert shape == (4, 6)
    assert torch.equal(rows["relu3_1"][7], small_encoder(image, ["relu3_1"])["relu3_1"][0, :, 1, 1])
