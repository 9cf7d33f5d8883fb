"""The page's files by themselves: words in both languages, colors that can be read."""

import re
from importlib import resources

import numpy as np
import pytest
from PIL import Image

from impasto import swatches

PAGE = resources.files("impasto.studio") / "page"


def text(name):
    return (PAGE / name).read_text(encoding="utf-8")


def keys(name):
    return set(re.findall(r'^  "?([\w-]+)"?:', text(name), re.MULTILINE))


def test_both_languages_have_every_word():
    english, chinese = keys("words-en.js"), keys("words-zh.js")
    more = {key for key in chinese - english if not key.startswith(("set_", "swatch_", "about_", "help_", "preset_"))}
    assert english - chinese == set() == more


def test_every_word_that_is_asked_for_is_there():
    scripts = "".join(text(each.name) for each in PAGE.iterdir() if each.name.endswith(".js"))
    asked = set(re.findall(r'data-t(?:-title|-label)?="(\w+)"', text("index.html")))
    asked |= set(re.findall(r'\bt\("(\w+)"', scripts))
    assert len(asked) > 60 and asked <= keys("words-en.js")


def test_chinese_has_every_setting_and_swatch():
    from impasto.studio import form

    chinese = keys("words-zh.js")
    own = {"strength", "style_weights", "style_scale", "colors"}  # whose words are among the others
    assert {f"set_{each['name']}" for each in form.settings() if each["name"] not in own} <= chinese
    assert {f"help_{each['name']}" for each in form.settings() if each["name"] not in {*own, "size"}} <= chinese
    for kind in ("swatch", "about"):
        assert {f"{kind}_{each['name']}" for each in form.drawn()} <= chinese
    assert {f"preset_{each['name']}" for each in form.presets()} <= chinese


def test_thumbnails_are_of_the_swatches_as_they_are_drawn():
    """`python benchmarks/studio_thumbnails.py` makes them."""
    for name in swatches.names():
        with (PAGE / f"swatch-{name}.jpg").open("rb") as file:
            kept = Image.open(file).convert("RGB")
        assert kept.size == (240, 180)
        if name in ("ink-wash", "marbling"):  # which are drawn quickly
            drawn = Image.fromarray(swatches.draw(name, width=512, height=384))
            box = Image.Resampling.BOX
            small, other = (np.asarray(each.resize((16, 12), box), int) for each in (kept, drawn))
            assert np.abs(small - other).mean() < 2


def luminance(color):
    """Relative luminance (WCAG 2.2)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_words_stand_out_from_what_is_behind_them(theme):
    """4.5 for text (WCAG 2.2, 1.4.3 AA)."""
    found = {
        name: light if theme == "light" else dark
        for name, light, dark in re.findall(
            r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", text("style.css")
        )
    }
    colors = {name: [int(value[i : i + 2], 16) / 255 for i in (1, 3, 5)] for name, value in found.items()}
    pairs = [
        ("ink", "paper"),
        ("ink", "card"),
        ("soft", "paper"),
        ("soft", "card"),
        ("soft", "wall"),
        ("on-accent", "accent"),
    ]
    pairs += [("accent", "paper"), ("accent", "wash"), ("paper", "ink")]
    for one, other in pairs:
        assert contrast(colors[one], colors[other]) >= 4.5, (one, other)


def test_no_word_and_no_import_is_left_over():
    scripts = {each.name: text(each.name) for each in PAGE.iterdir() if each.name.endswith(".js")}
    used = text("index.html") + "".join(code for name, code in scripts.items() if not name.startswith("words-"))
    parts = (
        "set_",
        "strength_",
        "colors_",
        "group_",
        "key_",
        "queued",
        "preparing",
        "running",
        "done",
        "stopped",
        "failed",
    )
    assert [
        key for key in keys("words-en.js") if not key.startswith(parts) and not re.search(rf"\b{key}\b", used)
    ] == []
    for name, code in scripts.items():
        for imported in re.findall(r"import \{([^}]+)\}", code):
            for each in imported.split(","):
                assert len(re.findall(rf"\b{each.strip()}\b", code)) > 1, f"{name}: {each}"
