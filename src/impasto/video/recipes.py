"""How frames of a clip are painted that are not a shot's first: those that follow others, and key frames."""

from __future__ import annotations

from dataclasses import replace

from impasto.recipe import Recipe
from impasto.schedule import Pyramid
from impasto.settings import without

MORE, MOST = 2, 8  # times as often as others are key frames looked at: at one size, and coarse to fine at most


def of_next_frames(recipe: Recipe) -> Recipe:
    """That of frames that follow others: at the full size alone, with what `following` says at every size."""
    return replace(
        recipe,
        schedule=Pyramid(most=1, evaluations=recipe.frame_iterations),
        blank_schedule=None,
        iterations=None,
        levels=None,
        by_size=without(recipe.by_size, recipe.following),
        following={},
        **recipe.following,
    )


def of_key_frames(recipe: Recipe) -> Recipe:
    """That of frames that come before those between: coarse to fine if a picture is, as there is room for new forms."""
    most, usual = MOST * recipe.frame_iterations, recipe.schedule.evaluations
    if (recipe.levels or recipe.schedule.most) == 1:
        return of_next_frames(replace(recipe, frame_iterations=min(MORE * recipe.frame_iterations, usual)))
    schedule = replace(recipe.schedule, evaluations=min(most, usual))
    return replace(
        recipe, schedule=schedule, blank_schedule=None, iterations=recipe.iterations and min(most, recipe.iterations)
    )
