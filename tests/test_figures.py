"""Figures: what they show is true, what lies on the page has its place, and the files are whole."""

import itertools
import json
import signal
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image

import warm
from impasto import preparation
from impasto.errors import OutputError, UnknownNameError, UsageError
from impasto.images import to_pil
from impasto.presets import preset
from impasto.recipe import Recipe
from impasto.sources import open_picture
from impasto.statistics import gram_matrix
from impasto.tasks.figures import (
    Curve,
    Panel,
    prepare_features,
    prepare_layers,
    prepare_progress,
    prepare_representations,
    prepare_sheet,
    prepare_tradeoff,
    save_plate,
)
from impasto.tasks.figures.bands import Heads, Network, Row, Stage
from impasto.tasks.figures.captions import errors, in_words, psnr
from impasto.tasks.figures.plate import LEAST_DPI, WIDEST, Plate, encoded
from impasto.tasks.figures.studies import liveliest, marks
from impasto.tasks.reconstruct import reconstruction_of

CONTENT = open_picture("swatch:stained-glass", size=64)
STYLE = open_picture("swatch:brushstrokes", size=64)
SMALL = {"size": 64, "device": "cpu"}


def split(figure):
    """The steps of a figure, its panels, and all that it shows."""
    events = list(figure)
    panels = [event.panel for event in events if event.panel]
    return [event.step for event in events if event.step], panels, [event for event in events if not event.step]


# As deep as figures look, and quick.
DEEP = replace(preset("study"), encoder="compact", style_layers={"*": 1.0})


def reconstructions(layers=None, **settings):
    return replace(reconstruction_of(DEEP, "style", layers), **(SMALL | settings))


def transfers(**settings):
    return replace(DEEP, **(SMALL | {"dtype": "float32", "init": "random"} | settings))


@pytest.fixture(scope="module")
def representations():
    """Figure 1 of a small picture, its steps and its panels."""
    figure = prepare_representations(CONTENT, STYLE, reconstructions(iterations=150))
    return figure, *split(figure)


@pytest.fixture(scope="module")
def features():
    return prepare_features(CONTENT, reconstructions())


@pytest.fixture(scope="module")
def progress():
    figure = prepare_progress(CONTENT, STYLE, transfers(iterations=12))
    return figure, *split(figure)


@pytest.fixture(scope="module")
def plates(features, progress):
    """One plate of each kind, the ones that take long to compute with few evaluations."""
    few = transfers(iterations=2, levels=1)
    return {
        "representations": prepare_representations(CONTENT, STYLE, reconstructions(iterations=2)).computed(),
        "features": features.computed(),
        "progress": progress[0].plate(progress[3]),
        "layers": prepare_layers(CONTENT, STYLE, few).computed(),
        "tradeoff": prepare_tradeoff(CONTENT, STYLE, few).computed(),
    }


KINDS = ("representations", "features", "progress", "layers", "tradeoff")


# What is shown ------------------------------------------------------------------------------------------------------


def test_the_deeper_the_layer_the_less_of_the_pixels(representations):
    panels = representations[2][5:]
    assert [p.label for p in panels] == ["(a)", "(b)", "(c)", "(d)", "(e)"]
    assert [p.caption for p in panels] == [f"conv{block}_1" for block in range(1, 6)]
    ratios = [p.measures["psnr"] for p in panels]
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[0] >= 30
    assert panels[0].measures["reduction"] >= 0.999


def test_every_set_of_layers_gives_its_style_back(representations):
    panels = representations[2][:5]
    assert [p.caption for p in panels] == [
        "conv1_1",
        "conv1_1, 2_1",
        "conv1_1 … 3_1",
        "conv1_1 … 4_1",
        "conv1_1 … 5_1",
    ]
    assert all(p.measures["reduction"] >= 0.99 for p in panels)


def test_measures_are_those_of_the_pictures(representations):
    figure, _, panels, _ = representations
    run, panel = figure.runs[7], panels[7]
    level = run.plan.levels[-1]
    objective = run.problem.objective(level)
    begun, ended = (float(objective.evaluate(image).loss) for image in (run.problem.initial(level), panel.image))
    assert panel.measures["reduction"] == pytest.approx(1 - ended / begun, abs=1e-3)  # panels are brought into [0, 1]
    assert panel.measures["psnr"] == pytest.approx(psnr(panel.image, CONTENT.pixels))


def test_steps_count_over_all_runs(representations):
    figure, steps, *_ = representations
    assert [step.done for step in steps] == list(range(1, 1501))
    assert {step.total for step in steps} == {1500}
    assert [step.level for step in steps] == [run for run in range(1, 11) for _ in range(150)]
    assert [level.iterations for level in figure.levels] == [150] * 10
    assert all(a.seconds <= b.seconds for a, b in itertools.pairwise(steps))


def test_conventions_differ_in_the_layers_of_the_content():
    figure = prepare_representations(CONTENT, STYLE, reconstructions(iterations=1), convention="2016")
    content = [list(run.plan.recipe.content_layers) for run in figure.runs[5:]]
    assert content == [["relu1_2"], ["relu2_2"], ["relu3_2"], ["relu4_2"], ["relu5_1"]]  # compact has no relu5_2
    assert figure.notes == ("compact has no relu5_2; relu5_1 takes its place.",)
    style = [list(run.plan.recipe.style_layers) for run in figure.runs[:5]]
    assert style[0] == ["relu1_1"]
    assert style[4] == ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]


def test_more_weight_on_the_content_brings_it_nearer():
    figure = prepare_tradeoff(CONTENT, STYLE, transfers(iterations=20, levels=1), ratios=(0.1, 10))
    panels = split(figure)[1]
    for light, heavy in zip(panels[::2], panels[1::2], strict=True):
        assert heavy.measures["content"] < light.measures["content"]
        assert heavy.measures["style"] > light.measures["style"]
    weights = [run.plan.recipe.content_weight / run.plan.recipe.style_weight for run in figure.runs[:2]]
    assert weights == pytest.approx([0.1 / 8, 10 / 8])


def test_a_tradeoff_is_a_grid_of_sets_and_ratios(plates):
    plate = plates["tradeoff"]
    heads, *rows = plate.bands
    assert [word.split("\N{NO-BREAK SPACE}") for word in heads.words] == [
        ["\N{MULTIPLICATION SIGN}", r] for r in ("0.01", "0.1", "1", "10")
    ]
    assert "1/8" in heads.heading
    assert [row.side for row in rows] == ["conv1_1", "conv1_1, 2_1"] + [f"conv1_1 … {b}_1" for b in (3, 4, 5)]


def test_a_low_layer_keeps_more_of_the_pixels_than_a_high_one():
    low, high = split(prepare_layers(CONTENT, STYLE, transfers(iterations=60)))[1]
    assert [low.caption, high.caption] == ["content from conv2_2", "content from conv4_2"]
    gray = [p.mean(1, keepdim=True) for p in (low.image, high.image, CONTENT.pixels)]
    correlation = [torch.corrcoef(torch.stack([g.flatten(), gray[2].flatten()]))[0, 1] for g in gray[:2]]
    assert correlation[0] > correlation[1]


def test_progress_is_looked_at_again_and_again(progress):
    _, steps, panels, events = progress
    curve = events[-1].curve
    assert marks(500) == (0, 1, 2, 5, 10, 20, 50, 100, 200, 500)
    assert marks(12) == (0, 1, 2, 5, 10, 12) == curve.marks
    assert [p.caption for p in panels] == ["0 evaluations", "1", "2", "5", "10", "12"]
    assert torch.equal(panels[-1].image, steps[-1].image.clamp(0, 1))
    assert panels[-1].measures["loss"] == min(step.loss for step in steps)
    totals = curve.series["total"]
    assert len(totals) == 12
    assert totals == sorted(totals, reverse=True)
    parts = np.sum([values for name, values in curve.series.items() if name != "total"], axis=0)
    assert parts == pytest.approx(totals, rel=2e-3)


def test_features_and_gram_matrices_are_those_of_the_encoder(features, compact):
    panels = split(features)[1]
    assert len(panels) == 5 * 7
    f = compact(CONTENT.pixels, ["relu3_1"])["relu3_1"]
    *maps, gram = [panel for panel in panels if panel.label == "relu3_1"]
    for panel in maps:
        channel = f[:, int(panel.caption)]
        assert torch.allclose(panel.image[0], channel / channel.max())
    g = gram_matrix(f)
    assert torch.allclose(gram.image[0], (g / g.max()).sqrt(), atol=1e-6)
    assert maps[0].size == (64, 48)
    assert gram.size == (48, 48)


def test_the_liveliest_maps_vary_most():
    waves = torch.tensor([0.0, 3.0, 1.0, 2.0])[:, None] * torch.tensor([0.0, 1.0, 0.0, 1.0])
    assert liveliest(waves.reshape(1, 4, 2, 2), 3) == [1, 3, 2]


def test_numbers_in_words():
    def plain(measures):
        return in_words(measures).replace("\N{NO-BREAK SPACE}", " ").replace("\N{MINUS SIGN}", "-")

    assert plain({"psnr": 71.04, "reduction": 0.99999}) == "71.0 dB, loss -99.99 %"
    assert plain({"reduction": 1.0}) == "loss -100.00 %"
    assert plain({"content": 0.3149, "style": 1.2e-5}) == "content 0.31, style 1.2e-05"


# Where it lies on the page ------------------------------------------------------------------------------------------


def drawn(plate):
    """The plate's page, with the boxes of what can be seen in dots from its lower left: of texts, of pictures."""
    figure = plate.drawn()
    figure.draw_without_rendering()
    (sheet,) = figure.axes
    texts = list(sheet.texts)
    for axes in sheet.child_axes:
        texts += [axes.xaxis.label, axes.yaxis.label, *axes.get_legend().get_texts()]
        for axis in (axes.xaxis, axes.yaxis):
            low, high = axis.get_view_interval()
            texts += [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    words = [text.get_window_extent() for text in texts if text.get_text()]
    return figure, words, [image.get_window_extent() for image in sheet.images]


def beside(a, b):
    """Whether two boxes share nothing but an edge."""
    return a.x1 <= b.x0 + 0.01 or b.x1 <= a.x0 + 0.01 or a.y1 <= b.y0 + 0.01 or b.y1 <= a.y0 + 0.01


def check_layout(plate):
    """No two of all texts and pictures overlap, and all lie on a page for print."""
    figure, words, pictures = drawn(plate)
    assert all(beside(a, b) for a, b in itertools.combinations([*words, *pictures], 2))
    width, height = figure.bbox.size
    assert all(box.x0 > 0 and box.y0 > 0 and box.x1 < width and box.y1 < height for box in [*words, *pictures])
    assert width / figure.dpi <= WIDEST + 0.2
    assert figure.dpi >= LEAST_DPI


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_overlaps_and_all_is_on_the_page(plates, kind):
    check_layout(plates[kind])


LONG = (
    "a caption that does not end before it has said, at some length, what the picture above shows and how it came to be"
)
UNBROKEN = "averylongwordthatnobodywouldwritebutthatafilenamemaybe_0123456789"


@pytest.mark.parametrize("columns", [1, 2, 7])
@pytest.mark.parametrize("shapes", [[(30, 40)], [(120, 8)], [(8, 120)], [(120, 8), (8, 120)]], ids=str)
def test_any_captions_shapes_and_columns_find_their_place(columns, shapes):
    shape = itertools.cycle(shapes)
    panels = [Panel(torch.rand(1, 3, *next(shape)), text, "(a)", {"loss": 1.5}) for text in [LONG, UNBROKEN, "b"] * 3]
    named, aside = Row(tuple(panels[:columns]), heading=LONG), Row(tuple(panels[:columns]), side="conv1_1 … 5_1")
    heads = Heads((LONG, "a", "b", "c", "d", "e", "f")[:columns], LONG)
    check_layout(Plate((heads, aside, named, aside), columns, footnote=LONG * 3, side=0.75))


@pytest.mark.parametrize("size", [(64, 48), (2048, 256), (256, 2048)], ids=str)
def test_networks_of_any_shape_fit_their_columns(size):
    stages = tuple(Stage(f"conv{i}_1", 64 * 2**i, 2**i, (size[0] >> i, size[1] >> i)) for i in range(5))
    plate = Plate((Network(stages), Row((Panel(CONTENT.pixels),) * 6)), 6, "")
    check_layout(plate)
    boxes = [stage.get_window_extent() for stage in plate.drawn().axes[0].patches]
    assert len(boxes) == sum(stage.planes for stage in stages)
    _, words, pictures = drawn(plate)
    assert all(beside(plane, other) for plane in boxes for other in [*words, *pictures])


def test_marks_near_each_other_do_not_overlap():
    for evaluations in (1, 2, 3, 21, 510, 5001):
        losses = {
            name: torch.logspace(3, power, evaluations).tolist() for name, power in (("total", 1), ("style", 0.9))
        }
        check_layout(Plate((Row((Panel(CONTENT.pixels),) * 6), Curve(losses, marks(evaluations))), 6, ""))


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_keep_their_shape(plates, kind):
    """Each pixel of the figure's pictures is a square of as many whole dots."""
    _, _, boxes = drawn(plates[kind])
    panels = plates[kind].panels
    scales = [(box.width / p.size[0], box.height / p.size[1]) for box, p in zip(boxes, panels, strict=True)]
    assert np.allclose(scales, round(scales[0][0]))


def test_every_value_has_a_dot():
    """Gram matrices have more rows than the picture."""
    photograph, gram = Panel(torch.rand(1, 3, 30, 40)), Panel(torch.rand(1, 1, 512, 512), pixel=30 / 512)
    _, _, (_, box) = drawn(Plate((Row((photograph, gram)),), 7, ""))
    assert box.width >= 512


def test_a_portrait_beside_a_landscape_stays_one():
    tall, wide = Panel(torch.rand(1, 3, 40, 20)), Panel(torch.rand(1, 3, 20, 40))
    _, _, (first, second) = drawn(Plate((Row((tall, wide)),), 2, ""))
    assert first.height / first.width == pytest.approx(2)
    assert second.width / second.height == pytest.approx(2)


def test_stacks_grow_deeper():
    assert [Stage("", channels, 1, (8, 8)).planes for channels in (16, 64, 512)] == [4, 8, 14]


# Files --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_png_has_every_pixel_of_every_picture(plates, kind):
    """No blur, no distortion: each value is a square of equal pixels."""
    figure, _, boxes = drawn(plates[kind])
    with Image.open(BytesIO(encoded(plates[kind], "PNG"))) as file:
        assert file.size == tuple(int(side) for side in figure.bbox.size)
        assert file.info["dpi"][0] == pytest.approx(figure.dpi, abs=0.1)
        pixels = np.asarray(file.convert("RGB"))
    assert (pixels[:3] == 255).all()
    assert (pixels[:, :3] == 255).all()
    for panel, box in zip(plates[kind].panels, boxes, strict=True):
        if panel.image.shape[1] == 3:
            left, right, top, bottom = (round(x) for x in (box.x0, box.x1, len(pixels) - box.y1, len(pixels) - box.y0))
            expected = to_pil(panel.image).resize((right - left, bottom - top), Image.Resampling.NEAREST)
            shown = pixels[top:bottom, left:right].astype(int)
            assert np.abs(shown - np.asarray(expected)).max() <= 1


def test_a_pdf_is_whole_with_fonts_and_pictures(plates, tmp_path):
    save_plate(plates["representations"], tmp_path / "figure.pdf")
    data = (tmp_path / "figure.pdf").read_bytes()
    assert data.startswith(b"%PDF-")
    assert data.rstrip().endswith(b"%%EOF")
    assert data.count(b"/Subtype /Image") == 12
    assert b"/FontFile2" in data  # TrueType outlines, not pixels
    assert b"/Count 1" in data


def test_an_svg_is_whole_with_text_as_outlines(plates, tmp_path):
    save_plate(plates["representations"], tmp_path / "figure.SVG")
    root = ET.parse(tmp_path / "figure.SVG").getroot()
    space = "{http://www.w3.org/2000/svg}"
    assert root.tag == f"{space}svg"
    images = list(root.iter(f"{space}image"))
    assert len(images) == 12
    assert "Content reconstructions" in (tmp_path / "figure.SVG").read_text()  # named beside its outlines


def network_alone():
    stages = tuple(Stage(f"conv{i}", 4**i, 2 ** (i - 1), (64 >> i, 48 >> i)) for i in (1, 2, 3))
    return Plate((Network(stages), Row((Panel(CONTENT.pixels),) * 4)), 4, "a footnote")


@pytest.mark.parametrize("kind", ["PNG", "PDF", "SVG"])
def test_the_same_plate_is_the_same_file(kind):
    assert encoded(network_alone(), kind) == encoded(network_alone(), kind)


def test_a_file_is_not_overwritten_unasked(plates, tmp_path):
    path = tmp_path / "figure.png"
    path.write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        save_plate(plates["layers"], path)
    assert path.read_text() == "mine"
    save_plate(plates["layers"], path, force=True)
    assert path.read_bytes().startswith(b"\x89PNG")


# What is refused ----------------------------------------------------------------------------------------------------


def test_layers_and_sizes_that_cannot_be():
    with pytest.raises(UnknownNameError, match="the closest is 'relu4_4'"):
        prepare_layers(CONTENT, STYLE, transfers(), layers=["relu4_9"])
    with pytest.raises(UnknownNameError, match="Unknown layer 'relu9_1'"):
        prepare_features(CONTENT, reconstructions(layers=("relu9_1",)))
    for prepare in (prepare_representations, prepare_tradeoff, prepare_progress):
        recipe = reconstructions(size=20) if prepare is prepare_representations else transfers(size=20)
        with pytest.raises(UsageError, match="20x15 pixels, but compact needs at least"):
            prepare(CONTENT, STYLE, recipe)
    with pytest.raises(UsageError, match="20x15 pixels, but compact needs at least 32"):
        prepare_features(CONTENT, reconstructions(size=20))


def test_values_that_cannot_be():
    with pytest.raises(UnknownNameError, match="Unknown convention '2017'; the closest is '2016'"):
        prepare_representations(CONTENT, STYLE, convention="2017")
    with pytest.raises(UsageError, match="ratios are 1, -1"):
        prepare_tradeoff(CONTENT, STYLE, ratios=(1, -1))
    with pytest.raises(UnknownNameError, match=r"Unknown init 'photo\.png'"):
        prepare_progress(CONTENT, STYLE, Recipe(init="photo.png"))


def test_a_missing_matplotlib_is_told_before_any_work(plates, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(OutputError, match=r"pip install 'impasto\[figures\]'"):
        save_plate(plates["layers"], tmp_path / "figure.png")
    assert list(tmp_path.iterdir()) == []


# The command --------------------------------------------------------------------------------------------------------


@pytest.fixture
def impasto(impasto, tmp_path, monkeypatch):
    """impasto(*arguments): run the command in a folder with two pictures; (exit code, output, messages)."""
    monkeypatch.chdir(tmp_path)
    to_pil(CONTENT.pixels).save("photo.png")
    to_pil(STYLE.pixels).save("painting.png")
    return impasto


TWO = ("photo.png", "painting.png")
QUICK = ("-o", "out.png", "--size", "64", "--iterations", "2")


@pytest.mark.parametrize("kind", ["representations", "tradeoff", "layers", "progress"])
def test_every_figure_has_a_command(impasto, tmp_path, kind):
    code, out, err = impasto("figure", kind, *TWO, *QUICK)
    assert (code, out.split(" in ")[0]) == (0, "Wrote out.png"), err
    with Image.open("out.png") as image:
        assert image.format == "PNG"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.png", "painting.png", "photo.png"]


def test_progress_is_over_all_pictures_with_time_left(impasto):
    _, _, err = impasto("figure", "layers", *TWO, *QUICK)
    lines = err.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["picture 1/2 64x48", "picture 2/2 64x48"]
    assert all(line.endswith("left") for line in lines)
    assert lines[-1].endswith("0.0 s left")


def test_without_a_name_the_figure_gets_one_of_its_own(impasto, tmp_path):
    for name in ("photo-features.png", "photo-features-2.png"):
        code, out, _ = impasto("figure", "features", "photo.png", "--size", "64", "--encoder", "compact")
        assert (code, out.split(" in ")[0]) == (0, f"Wrote {name}")
        assert (tmp_path / name).exists()


def test_json_tells_of_panels(impasto, untimed):
    code, out, err = impasto("figure", "layers", *TWO, *QUICK, "--json")
    records = [json.loads(line) for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert [r["event"] for r in records] == ["plan", "step", "step", "panel", "step", "step", "panel", "saved"]
    assert records[3]["caption"] == "content from conv2_2"
    assert set(records[3]) == {"event", "label", "caption", "content", "style"}


def test_a_sheet_has_a_row_for_each_style_and_a_column_for_each_setting(impasto, tmp_path, untimed):
    grid = ("photo.png", "painting.png", "swatch:mosaic", "--strength", "0.2,0.8", "--preset", "fast")
    options = ("--size", "64", "--iterations", "2", "-o", "sheet.png")
    code, out, err = impasto("sheet", *grid, *options, "--json")
    records = [json.loads(line) for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert records[0]["pictures"] == [{"width": 64, "height": 48}] * 4
    panels = [each for each in records if each["event"] == "panel"]
    assert len({each["content"] for each in panels}) == 4
    assert (tmp_path / "sheet.png").exists()
    one = ("photo.png", "painting.png", "--size", "64", "--preset", "palette", "-o", "one.png")
    assert "(1 panel)" in impasto("sheet", *one)[1]
    assert impasto("sheet", "photo.png", "painting.png", "-o", "photo.png", "--force")[0] == 2
    assert "STYLE... is missing" in impasto("sheet", "photo.png")[2]


def test_a_sheet_goes_over_any_two_settings(impasto, untimed):
    over = ("--over", "colors=style,content", "--over", "content-layers=relu2_2,relu4_2")
    options = ("--preset", "fast", "--size", "64", "--iterations", "2", "-o", "sheet.png")
    code, out, err = impasto("sheet", "photo.png", "painting.png", *over, *options, "--json")
    assert (code, err) == (0, "")
    panels = [each for each in map(json.loads, out.splitlines()) if each["event"] == "panel"]
    assert len({(each["content"], each["style"]) for each in panels}) == 4


@pytest.mark.parametrize(
    ("over", "said"),
    [("hue=1,2", "'hue' is no setting"), ("size=64,96", "'size' is no"), ("colors=style,pink", "Unknown colors mode"),
     ("tv-weight=0,x", "values of tv-weight with commas"), ("colors", "values of colors with commas")],
)  # fmt: skip
def test_what_a_sheet_cannot_go_over_is_told(impasto, over, said):
    code, _, err = impasto("sheet", "photo.png", "painting.png", "--over", over, "-o", "sheet.png")
    assert code == 2
    assert said in err


def test_a_sheet_has_what_a_transfer_makes():
    """Its style is seen larger than the panels are, from the whole picture."""
    style = open_picture("swatch:brushstrokes", size=192)
    recipe = preset("fast").override(**SMALL, style_scale=2.0, iterations=3, colors="match")
    (panel,) = split(prepare_sheet(CONTENT, [style], {"": recipe}))[1]
    run = preparation.prepare(recipe, preparation.Pictures(CONTENT, [style]))
    assert torch.equal(panel.image, run.full_size(list(run)[-1].image))
    assert not any("enlarged" in note for note in run.plan.notes)


def test_a_sheet_takes_the_recipes_as_they_are():
    recipes = {"one": Recipe().override(**SMALL), "two": preset("fast").override(**SMALL)}
    figure = prepare_sheet(CONTENT, [STYLE], recipes)
    assert [run.recipe for run in figure.runs] == list(recipes.values())


def test_a_dry_run_writes_nothing(impasto, tmp_path, untimed):
    code, out, _ = impasto("figure", "representations", *TWO, "-o", "out.svg", "--dry-run")
    assert code == 0
    assert "pictures to make  10" in out
    assert not (tmp_path / "out.svg").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("features", "photo.png", "-o", "out.jpg"), "Unknown extension '.jpg'"),
        (("features", "photo.png", "-o", "out"), "Add one of .png, .pdf, .svg"),
        (("features", "photo.png", "-o", "photo.png"), "photo.png is itself one of the images"),
        (("features", "photo.png", "-o", "no/out.png"), "there is no folder no"),
        (("features", "nothing.png", "-o", "out.png"), "There is no file nothing.png"),
        (("features", "photo.png", "-o", "out.png", "--layers", "relu4_9"), "the closest is 'relu4_4'"),
        (("layers", *TWO, "-o", "out.png", "--layers", "relu9_1"), "Unknown layer 'relu9_1' for vgg19"),
        (("tradeoff", *TWO, "-o", "out.png", "--ratios", "1,x"), "it must be numbers with commas"),
        (("representations", *TWO, "-o", "out.png", "--size", "8"), "8x6 pixels, but vgg19 needs at least"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else None,
)
def test_a_wrong_request_is_answered_before_any_work(impasto, tmp_path, arguments, said):
    code, out, err = impasto("figure", *arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["painting.png", "photo.png"]


def test_an_interrupted_figure_is_not_written(impasto, tmp_path):
    command = ["-m", "impasto", "figure", "layers", *TWO]
    options = ["-o", "out.png", "--size", "64", "--iterations", "100000", "--levels", "1", "--json", "--preset", "fast"]
    with warm.Popen([*command, *options], stdout=warm.PIPE, stderr=warm.PIPE, text=True) as process:
        for _ in range(3):
            process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == "Interrupted; the figure was not drawn.\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["painting.png", "photo.png"]


def test_a_loss_that_rose_has_its_sign():
    assert in_words({"reduction": -0.12}).replace("\N{NO-BREAK SPACE}", " ") == "loss +12.00 %"


def test_errors_of_a_picture_are_the_same_at_any_strength():
    image = 0.5 * (CONTENT.pixels + STYLE.pixels[..., : CONTENT.pixels.shape[-2], : CONTENT.pixels.shape[-1]])
    gentle, bold = (
        errors(preparation.prepare(transfers(levels=1, strength=s), preparation.Pictures(CONTENT, [STYLE])), image)
        for s in (0.3, 0.7)
    )
    assert gentle == pytest.approx(bold, rel=1e-4)
    assert set(gentle) == {"content", "style"}
