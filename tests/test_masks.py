"""Masks that are found in a photograph: of its subject and of its parts."""

import numpy as np
import pytest
import torch
from PIL import Image

import impasto
from impasto import masks, swatches
from impasto.cli import app as cli
from impasto.errors import UsageError
from impasto.record import read_record

HEIGHT, WIDTH = 96, 144


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Photographs are looked at small."""
    monkeypatch.setattr(masks, "SIDE", 256)


def scene():
    """Ground that hardly differs with one disk of a busy pattern on it, and where that is."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    inside = (y - 50) ** 2 + (x - 80) ** 2 < 26**2
    pattern = np.asarray(swatches.draw("mosaic", width=WIDTH, height=HEIGHT))
    ground = np.array([110, 140, 170]) + np.random.default_rng(0).integers(-9, 10, pattern.shape)
    return np.where(inside[..., None], pattern, ground).astype(np.uint8), inside


def halves():
    """Two patterns, one above the other."""
    upper, lower = (np.asarray(swatches.draw(name, width=WIDTH, height=HEIGHT)) for name in ("halftone", "marbling"))
    return np.concatenate([upper[: HEIGHT // 2], lower[HEIGHT // 2 :]])


def overlap(a, b):
    """Intersection over union."""
    return float((a & b).sum() / (a | b).sum())


def test_the_subject_is_what_stands_out_and_touches_no_border():
    photo, inside = scene()
    mask = np.asarray(impasto.find_subject(photo))
    assert mask.shape == (HEIGHT, WIDTH)
    assert mask[inside].mean() > 0.95 * 255
    assert mask[~inside].mean() < 0.3 * 255
    assert mask[:8].max() == 0


def test_parts_are_ordered_from_the_top_and_are_all_of_it():
    upper, lower = (np.asarray(mask) for mask in impasto.find_parts(halves(), 2))
    assert np.array_equal(upper.astype(int) + lower, np.full((HEIGHT, WIDTH), 255))
    wanted = np.arange(HEIGHT)[:, None].repeat(WIDTH, 1) < HEIGHT // 2
    assert overlap(upper > 127, wanted) > 0.75


@pytest.mark.parametrize(("count", "said"), [(1, "2 to 8 parts"), (9, "2 to 8 parts"), ("x", "'x'"), (2.0, "whole")])
def test_parts_that_cannot_be_are_refused(count, said):
    with pytest.raises(UsageError, match=said):
        impasto.find_parts(halves(), count)


@pytest.mark.parametrize("noise", [0, 9])
def test_in_a_photograph_of_one_color_nothing_stands_out(noise):
    photo = (90 + np.random.default_rng(0).integers(-noise, noise + 1, (60, 300, 3))).astype(np.uint8)
    with pytest.raises(UsageError, match="Nothing stands out in the photograph: it is of one color"):
        impasto.find_subject(photo)
    with pytest.raises(UsageError, match="Nothing stands out"):
        impasto.find_parts(photo, 3)


def test_a_picture_of_little_contrast_and_one_of_an_odd_shape_have_a_subject():
    photo, _ = scene()
    assert impasto.find_subject((120 + photo // 16).astype(np.uint8)).size == (WIDTH, HEIGHT)
    assert impasto.find_subject(photo[20:40]).size == (WIDTH, 20)


def test_borders_follow_edges_of_the_photograph():
    """A mask that is 4 pixels off moves to the edge."""
    photo = torch.zeros(1, 3, 64, 96)
    photo[..., 40:] = 1
    coarse = torch.zeros(1, 1, 64, 96)
    coarse[..., 44:] = 1
    found = masks._along_edges(coarse, photo)[0, 0, 32] > 0.5
    assert abs(int((~found).sum()) - 40) <= 1


def test_clusters_are_those_of_points_that_lie_together():
    points = torch.tensor([[0.0, 0], [0, 0.1], [5, 5], [5, 5.1], [0, 9], [0.1, 9]]).double()
    a, b, c, d, e, f = masks._clusters(points, 3).tolist()
    assert (a, c, e) == (b, d, f)
    assert len({a, c, e}) == 3


# The command --------------------------------------------------------------------------------------------------------

FEW = ("--preset", "fast", "--iterations", "4", "--size", "96", "-q")


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(scene()[0]).save("photo.png")
    for name, swatch in {"a": "batik", "b": "mosaic"}.items():
        Image.fromarray(np.asarray(swatches.draw(swatch, width=96, height=72))).save(f"{name}.png")
    return tmp_path


def test_what_was_found_lies_beside_the_result_and_is_what_the_record_names(desk, monkeypatch):
    monkeypatch.setattr(masks, "SIDE", 128)
    asked = ("transfer", "photo.png", "a.png", "--keep", "subject", "--region", "auto:2=b.png", "-o", "out.png")
    assert cli.run([*asked, "--dry-run", *FEW]) == 0
    assert not list(desk.glob("out*"))
    assert cli.run([*asked, *FEW]) == 0
    inputs = {each.role: each.name for each in read_record("out.png").inputs}
    assert (inputs["keep"], inputs["region"]) == ("out-subject.png", "out-region-1.png")
    with Image.open("out-subject.png") as mask:
        assert mask.size == (WIDTH, HEIGHT)
    assert cli.run(["replay", "out.png", "-q"]) == 0


def test_the_subject_may_be_a_region(desk, monkeypatch):
    monkeypatch.setattr(masks, "SIDE", 128)
    asked = ("transfer", "photo.png", "a.png", "--region", "subject=b.png", "--region", "auto:2=b.png", "-o", "out.png")
    assert cli.run([*asked, *FEW]) == 0
    regions = [each.name for each in read_record("out.png").inputs if each.role == "region"]
    assert regions == ["out-subject.png", "out-region-1.png"]


@pytest.mark.parametrize("force", [(), ("--force",)])
def test_a_run_that_cannot_be_leaves_masks_as_they_were(desk, monkeypatch, force):
    monkeypatch.setattr(masks, "SIDE", 64)
    if force:
        (desk / "out-subject.png").write_bytes(b"mine")
    before = {path: path.read_bytes() for path in desk.iterdir()}
    asked = ("--keep", "subject", "--region", "auto:2=b.png", "--style-weights", "1,2,3", "-o", "out.png", *force)
    assert cli.run(["transfer", "photo.png", "a.png", *asked, *FEW]) == 2
    assert {path: path.read_bytes() for path in desk.iterdir()} == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--keep", "subject", "-o", "old.png"), "old-subject.png exists already"),
        (("--keep", "subject", "-o", "-"), "name files"),
        (("--region", "auto:2=a.png", "--region", "auto:3=b.png", "-o", "out.png"), "with one N throughout"),
        (("--region", "auto:x=a.png", "-o", "out.png"), "with one N throughout"),
        (("--region", "auto:1=a.png", "-o", "out.png"), "2 to 8 parts"),
        ((*("--region", "auto:2=a.png") * 3, "-o", "out.png"), "divides into 2 parts, but there are 3"),
        (("--keep", "subjekt", "-o", "out.png"), "Did you mean --keep subject?"),
        (("--keep", "auto:2", "-o", "out.png"), "parts are for regions"),
        (("--region", "sbject=a.png", "-o", "out.png"), "Did you mean --region subject=STYLE?"),
        (("--region", "auot:2=a.png", "-o", "out.png"), "Did you mean --region auto:3=STYLE?"),
        (("--region", "auto2=a.png", "-o", "out.png"), "Did you mean --region auto:3=STYLE?"),
        (("--region", "sky=a.png", "-o", "out.png"), "There is no file sky. Check"),
    ],
)
def test_masks_that_cannot_be_found_are_told(desk, capsys, arguments, said):
    (desk / "old-subject.png").write_bytes(b"mine")
    assert cli.run(["transfer", "photo.png", "a.png", *arguments, *FEW]) == 2
    assert said in capsys.readouterr().err
    assert (desk / "old-subject.png").read_bytes() == b"mine"
