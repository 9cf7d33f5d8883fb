"""Schedules: which sizes, how many steps."""

import pytest

from impasto.errors import UsageError
from impasto.schedule import Level, Pyramid

SINGLE = Pyramid(most=1)
PYRAMIDS = [
    Pyramid(),
    Pyramid(factor=2**0.5, shares=(2, 1)),
    Pyramid(smallest=16, most=3, shares=(10, 7, 4, 2)),
    SINGLE,
]
SIZES = [(512, 384), (383, 511), (1, 900), (128, 128), (127, 90), (2000, 3000), (7, 5)]


@pytest.mark.parametrize("pyramid", PYRAMIDS)
@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("iterations", [16, 101, 1000])
def test_levels_grow_to_exactly_the_size_and_spend_exactly_the_iterations(pyramid, height, width, iterations):
    levels = pyramid.levels(height, width, iterations)
    assert (levels[-1].height, levels[-1].width) == (height, width)
    assert sum(level.iterations for level in levels) == iterations
    assert all(level.iterations >= 1 and min(level.height, level.width) >= 1 for level in levels)
    sizes = [level.size for level in levels]
    assert sizes == sorted(set(sizes))
    assert len(levels) <= pyramid.most
    assert all(size >= pyramid.smallest for size in sizes[:-1])


def test_no_further_coarse_level_would_have_fitted():
    assert Pyramid(smallest=128, factor=2).sizes(512) == (128, 256, 512)
    assert Pyramid(smallest=128, factor=2).sizes(511) == (128, 256, 511)
    assert Pyramid(smallest=129, factor=2).sizes(512) == (256, 512)
    assert Pyramid(smallest=128, factor=2).sizes(100) == (100,)
    assert Pyramid(smallest=128, factor=2, fewest=2).sizes(100) == (50, 100)
    assert Pyramid(smallest=128, factor=2, fewest=2, most=1).sizes(100) == (100,)
    assert Pyramid(smallest=128, factor=2, fewest=2).sizes(512) == (128, 256, 512)
    assert SINGLE.sizes(4000) == (4000,)


def test_sizes_of_crowson_are_steps_of_the_root_of_two():
    assert Pyramid(smallest=128, factor=2**0.5).sizes(512) == (128, 181, 256, 362, 512)


def test_coarse_levels_keep_the_shape():
    assert Pyramid(smallest=16, most=2).levels(300, 200, 2)[0] == Level(150, 100, 1)


def test_iterations_are_split_by_shares_the_last_standing_for_all_beyond():
    assert Pyramid(shares=(2, 1)).counts(3000, 5) == (1000, 500, 500, 500, 500)
    assert Pyramid(shares=(10, 7, 4, 2)).counts(210, 2) == (124, 86)
    assert Pyramid().counts(7, 3) == (3, 2, 2)


def test_further_levels_of_a_larger_picture_have_their_share_on_top():
    pyramid = Pyramid(smallest=128, shares=(3, 3, 4, 3))
    assert pyramid.iterations_at(90, usual=512, size=1024) == 117
    assert pyramid.counts(117, 4) == (27, 27, 36, 27)
    assert pyramid.iterations_at(90, usual=512, size=2048) == 144
    assert pyramid.iterations_at(90, usual=512, size=256) == pyramid.iterations_at(90, usual=512, size=1000) == 90
    assert SINGLE.iterations_at(500, usual=512, size=4096) == 500


def test_every_level_gets_a_step_however_small_its_share():
    assert Pyramid(shares=(1000, 1)).counts(4, 4) == (1, 1, 1, 1)


def test_fewer_iterations_than_levels_are_refused():
    with pytest.raises(UsageError, match="iterations is 2 but there are 3 levels; give at least 3"):
        Pyramid().levels(512, 512, 2)


def test_the_size_of_a_level_is_its_long_side():
    assert Level(3, 5, 1).size == Level(5, 3, 1).size == 5


def test_every_level_has_an_evaluation_however_few_there_are():
    for shares in ((10, 10, 1), (18, 18, 11), (60, 40, 15), (1, 2)):
        for iterations, levels in ((5, 5), (6, 5), (9, 4), (3, 2)):
            counts = Pyramid(shares=shares).counts(iterations, levels)
            assert sum(counts) == iterations
            assert min(counts) >= 1
