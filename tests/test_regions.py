"""Regions, each in a style of its own, and what is kept of the content."""

import numpy as np
import pytest
import torch
from PIL import Image

import impasto
from impasto import Region, swatches
from impasto.cli import app as cli
from impasto.cli.making import region_of
from impasto.encoders.base import Sums, sums_and_features
from impasto.errors import UsageError
from impasto.images import from_array, load_image
from impasto.objective import Evaluation
from impasto.painter import prepare
from impasto.problem import KeptObjective
from impasto.regions import apart, mask_of
from impasto.statistics import moments

HEIGHT, WIDTH = 96, 128
QUICK = {"preset": "fast", "iterations": 6, "device": "cpu", "dtype": "float32", "size": WIDTH}


def picture(seed):
    """Smooth colors."""
    noise = np.random.default_rng(seed).random((6, 8, 3))
    image = Image.fromarray((255 * noise).astype(np.uint8)).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    return np.asarray(image)


def half(left):
    """A mask of the left or the right half."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[:, slice(0, WIDTH // 2) if left else slice(WIDTH // 2, None)] = 255
    return mask


PHOTO, A, B = picture(1), picture(2), picture(3)


def image_of(run):
    return list(run)[-1].image


# Masks --------------------------------------------------------------------------------------------------------------


def test_masks_are_apart_and_soft_and_the_rest_is_what_they_leave():
    left, middle = (torch.zeros(1, 1, 100, 200) for _ in range(2))
    left[..., :100], middle[..., 60:140] = 1, 1
    (a, b), rest = apart([left, middle], (100, 200))
    torch.testing.assert_close(a + b + rest, torch.ones(1, 1, 100, 200))
    assert float(a[0, 0, 50, 30]) == pytest.approx(1)
    assert float(b[0, 0, 50, 120]) == pytest.approx(1)
    assert float(a[0, 0, 50, 80]) == pytest.approx(0.5)
    assert float(rest[0, 0, 50, 180]) == pytest.approx(1)


def test_of_a_mask_with_transparency_that_counts():
    values = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    values[:, :40, 3] = 255
    mask = mask_of(from_array(values), "sky", from_array(PHOTO), "the photograph")
    assert float(mask.mean()) == pytest.approx(40 / WIDTH)


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (np.zeros((HEIGHT, WIDTH), np.uint8), "is black, or nearly"),
        (np.full((WIDTH, HEIGHT), 255, np.uint8), "is 96x128 pixels, but the photograph is 128x96"),
        (np.full((1, 1), 255, np.uint8), "is 1x1 pixels"),
        (half(True) // 255, "no more than 1 of 255. What is in it is 255 in 8 bits"),
        (np.ones((10 * HEIGHT, 10 * WIDTH), np.uint8), "no more than 1 of 255"),
        ("subject", r"There is no file subject.* found by impasto.find_subject\(photo\)"),
        ("auto:3", r"found by impasto.find_parts\(photo, 3\)"),
    ],
)
@pytest.mark.parametrize("use", ["region", "keep"])
def test_masks_that_cannot_be_are_refused_by_name(mask, said, use):
    asked = {"regions": [Region(mask, B)]} if use == "region" else {"keep": mask}
    with pytest.raises(UsageError, match=said):
        prepare(PHOTO, A, **asked, **QUICK)


@pytest.mark.parametrize("names", [["rest"], ["mid", "mid", "mid-1"]])
def test_masks_of_any_names_are_told_apart(tmp_path, names):
    regions = []
    for i, name in enumerate(names):
        folder = tmp_path / str(i)
        folder.mkdir()
        mask = half(i % 2 == 0)
        mask[10 * i : 10 * i + 10] = 0
        Image.fromarray(mask).save(folder / f"{name}.png")
        regions.append(Region(folder / f"{name}.png", B))
    assert image_of(prepare(PHOTO, A, regions=regions, **QUICK)).isfinite().all()


def test_a_region_in_which_nothing_can_be_painted_is_refused():
    small = np.pad(np.full((20, 20), 255, np.uint8), ((10, 66), (10, 98)))
    for style in (A, []):
        with pytest.raises(UsageError, match=r"Nothing in the mask .* can be painted"):
            prepare(PHOTO, style, regions=[Region(small, B)], keep=half(True), **QUICK)


def test_a_photograph_that_is_transparent_everywhere_is_plain_gray():
    clear = np.dstack([PHOTO, np.zeros((HEIGHT, WIDTH), np.uint8)])
    assert image_of(prepare(clear, A, **QUICK)).isfinite().all()


def test_what_a_style_mask_leaves_out_does_not_matter():
    part = half(True)
    styles = [np.where(part[..., None] > 0, B, color).astype(np.uint8) for color in ([0, 255, 0], [255, 0, 255])]
    whole = np.full((HEIGHT, WIDTH), 255, np.uint8)
    for preset in ("fast", "neighbors"):
        asked = QUICK | {"preset": preset}
        images = [image_of(prepare(PHOTO, [], regions=[Region(whole, style, part)], **asked)) for style in styles]
        torch.testing.assert_close(*images)


@pytest.mark.parametrize(
    "regions", [("sky.png", "a.png"), [("sky.png", "a.png")], "sky.png=a.png", [None], {"sky": "a"}]
)
def test_regions_that_are_none_are_named(regions):
    with pytest.raises(UsageError, match=r"which is no Region; give impasto.Region"):
        prepare(PHOTO, A, regions=regions, **QUICK)


def test_masks_may_be_truths_and_a_region_may_be_alone():
    several = image_of(prepare(PHOTO, A, regions=[Region(half(True), B)], **QUICK))
    assert torch.equal(image_of(prepare(PHOTO, A, regions=Region(half(True) > 0, B), **QUICK)), several)
    assert prepare(PHOTO, A, regions=None, **QUICK)


@pytest.mark.parametrize("asked", [{"texture": ""}, {"keep": ""}, {"regions": [Region("", B)]}])
def test_pictures_without_a_name_are_told_by_their_role(asked):
    role = "region" if "regions" in asked else next(iter(asked))
    with pytest.raises(UsageError, match=f"{role}: The name of an image is empty"):
        prepare(PHOTO, A, **asked, **QUICK)


def test_what_keeps_everything_is_refused():
    with pytest.raises(UsageError, match="keeps the whole picture"):
        prepare(PHOTO, A, keep=np.full((HEIGHT, WIDTH), 255, np.uint8), **QUICK)


# Sums ---------------------------------------------------------------------------------------------------------------


def test_guided_moments_are_weighted_sums_over_positions(normal):
    f, guide = normal(1, 5, 6, 7), normal(1, 1, 6, 7).abs()
    found = moments(f, guide)
    first, second, count = torch.zeros(5).double(), torch.zeros(5, 5).double(), 0.0
    for i in range(6):
        for j in range(7):
            v, w = f[0, :, i, j], guide[0, 0, i, j]
            first, second, count = first + w * v, second + w * torch.outer(v, v), count + w
    torch.testing.assert_close(found.first[0], first, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(found.second[0], second, rtol=1e-12, atol=1e-12)
    assert float(found.count) == pytest.approx(float(count), rel=1e-12)


def test_the_sums_of_two_halves_are_those_of_the_whole(small_encoder, uniform):
    image = uniform(1, 3, 32, 48)
    left = torch.zeros(1, 1, 16, 24).double()
    left[..., :12] = 1
    wanted = [Sums("relu2_1"), Sums("relu2_1", left), Sums("relu2_1", 1 - left)]
    sums, _ = sums_and_features(small_encoder, image, wanted, ())
    whole, a, b = (sums[each] for each in wanted)
    torch.testing.assert_close((a + b).second, whole.second, rtol=1e-10, atol=1e-12)


def test_sums_are_taken_within_the_box_of_what_counts(small_encoder, uniform):
    weight = torch.zeros(1, 1, 16, 24).double()
    assert Sums("relu2_1", weight).counted.numel() == 0
    weight[..., 3:7, 5:20] = uniform(1, 1, 4, 15)
    assert Sums("relu2_1", weight).box == (slice(3, 7), slice(5, 20))
    image, features = uniform(1, 3, 32, 48), None
    found, _ = sums_and_features(small_encoder, image, [Sums("relu2_1", weight)], ())
    features = small_encoder(image, ["relu2_1"])["relu2_1"]
    (found,), whole = found.values(), moments(features, weight)
    torch.testing.assert_close(found.second, whole.second, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(found.count, whole.count)


# Pictures -----------------------------------------------------------------------------------------------------------


def test_a_region_that_is_all_is_no_region():
    exactly = QUICK | {"dtype": "float64"}  # sums in another order, which a solver makes more of
    plain = image_of(prepare(PHOTO, A, **exactly))
    region = Region(np.full((HEIGHT, WIDTH), 255, np.uint8), A)
    torch.testing.assert_close(image_of(prepare(PHOTO, [], regions=[region], **exactly)), plain, rtol=0, atol=4e-3)


def test_each_region_has_its_own_terms_and_its_own_colors():
    red, blue = (np.full((HEIGHT, WIDTH, 3), color, np.uint8) for color in ([250, 20, 20], [20, 20, 250]))
    run = prepare(PHOTO, blue, regions=[Region(half(True), red)], **QUICK)
    steps = list(run)
    names = {name.rpartition("/")[2] for name in steps[-1].terms if name.startswith("style/relu1_1")}
    assert len(names) == 2
    assert "rest" in names
    image = steps[-1].image[0]
    left, right = image[:, :, :48].mean((1, 2)), image[:, :, 80:].mean((1, 2))
    assert left[0] > left[2] + 0.3
    assert right[2] > right[0] + 0.3


def test_regions_of_one_mask_are_one_region_whose_styles_are_blended():
    red, blue = (np.full((HEIGHT, WIDTH, 3), color, np.uint8) for color in ([250, 20, 20], [20, 20, 250]))
    regions = [Region(half(True), red), Region(half(False), A), Region(half(True), blue)]
    for weights, redder in (((9, 1, 1), True), ((1, 1, 9), False)):
        run = prepare(PHOTO, [], regions=regions, style_weights=weights, **(QUICK | {"levels": 1}))
        image = image_of(run)[0, :, :, :48].mean((1, 2))
        assert bool(image[0] > image[2] + 0.1) == redder
        assert len([term for term in run.problem.sitting(run.plan.levels[0]).terms() if "relu1_1" in term.name]) == 2
    with pytest.raises(UsageError, match="style_weights has 2 entries but there are 3 style images"):
        prepare(PHOTO, [], regions=regions, style_weights=(1, 2), **QUICK)


@pytest.mark.parametrize("asked", [QUICK, {"preset": "instant", "size": WIDTH}, QUICK | {"init": "random"}])
def test_without_a_style_for_the_rest_the_rest_stays_to_the_last_bit(asked):
    image = image_of(prepare(PHOTO, [], regions=[Region(half(True), A)], **asked))
    change = (image[0].clamp(0, 1) - from_array(PHOTO).pixels[0]).abs()
    assert float(change[:, :, 72:].max()) < 0.5 / 255
    assert float(change[:, :, :56].mean()) > 0.02


@pytest.mark.parametrize("colors", ["content", "luminance"])
def test_what_stays_has_no_say_in_colors(colors):
    photo = PHOTO.copy()
    photo[:, WIDTH // 2 :] = [10, 200, 30]
    image = image_of(run := prepare(photo, [], regions=[Region(half(True), A)], colors=colors, **QUICK))
    made = run.problem.finished(image, run.plan.levels[-1])[0]
    own = from_array(photo).pixels[0]
    assert float((made - own)[:, :, 72:].abs().max()) < 0.5 / 255
    assert float((made.mean((1, 2)) - own.mean((1, 2))).abs().max()) < 0.02


def test_a_style_that_no_place_is_left_for_is_told():
    run = prepare(PHOTO, [A], regions=[Region(half(True), B), Region(half(False), B)], **QUICK)
    assert "The regions leave no place for the style image." in run.plan.notes


def test_a_style_mask_tells_which_part_of_the_style_counts():
    both = np.concatenate([np.full((HEIGHT, WIDTH // 2, 3), c, np.uint8) for c in ([250, 20, 20], [20, 20, 250])], 1)
    run = prepare(PHOTO, [], regions=[Region(np.full((HEIGHT, WIDTH), 255, np.uint8), both, half(True))], **QUICK)
    image = image_of(run)[0].mean((1, 2))
    assert image[0] > image[2] + 0.3


def test_regions_in_tiles_are_as_in_one_piece():
    asked = {"regions": [Region(half(True), B)], "keep": np.pad(np.full((20, 20), 255, np.uint8), ((0, 76), (0, 108)))}
    whole = prepare(PHOTO, A, **asked, **QUICK)
    tiled = prepare(PHOTO, A, **asked, **QUICK)
    level = whole.plan.levels[-1]
    image = whole.problem.initial(level)
    one = whole.problem.objective(level).evaluate(image)
    many = tiled.problem.objective(type(level)(level.height, level.width, 1, 64)).evaluate(image)
    assert float(many.loss) == pytest.approx(float(one.loss), rel=1e-5)
    torch.testing.assert_close(many.grad, one.grad, rtol=1e-3, atol=1e-5 * float(one.grad.abs().max()))


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("strength", [0.3, 1.0])
def test_what_is_kept_is_the_photograph_to_the_last_bit(tmp_path, bits, strength):
    kept = np.zeros((HEIGHT, WIDTH), np.uint8)
    kept[20:60, 30:90] = 255
    deep = (PHOTO.astype(np.uint16) * 257 + 3).clip(0, 65535).astype(np.uint16) if bits == 16 else PHOTO
    photo = from_array(deep)
    run = prepare(photo, A, keep=kept, strength=strength, **QUICK)
    image = run.full_size(image_of(run))
    impasto.save_image(image, tmp_path / "out.png", bits=bits)
    again = load_image(tmp_path / "out.png").pixels
    where = torch.from_numpy(kept)[None, None] == 255
    assert torch.equal(torch.where(where, again, 0), torch.where(where, photo.pixels, 0))
    assert float((again - photo.pixels).abs()[~where.expand_as(again)].mean()) > 0.01


@pytest.mark.parametrize("size", [(64, 48), (512, 384), (2048, 1365)])
def test_a_region_that_is_kept_is_told(size):
    photo = np.asarray(Image.fromarray(PHOTO).resize(size))
    mask = np.zeros(photo.shape[:2], np.uint8)
    mask[: size[1] // 2, : size[0] // 2] = 255
    with pytest.raises(UsageError, match="Nothing in the mask"):
        prepare(photo, A, regions=[Region(mask, B)], keep=mask, **(QUICK | {"size": min(512, size[0])}))


def test_no_gradient_moves_what_is_kept():
    class Slope:
        def evaluate(self, image):
            return Evaluation(image.sum(), torch.ones_like(image), {})

    keep = torch.tensor([[[[1.0, 0.25, 0.0]]]])
    found = KeptObjective(Slope(), keep).evaluate(torch.zeros(1, 3, 1, 3))
    assert torch.equal(found.grad[0, 0, 0], torch.tensor([0.0, 0.75, 1.0]))


def test_styles_stay_in_their_regions():
    """Left and right in two swatches: each half is nearer to its own by Gram matrices, by half at least."""
    a, b = (np.asarray(swatches.draw(name, width=256, height=192)) for name in ("halftone", "marbling"))
    photo = np.asarray(Image.fromarray(PHOTO).resize((256, 192)))
    left = np.asarray(Image.fromarray(half(True)).resize((256, 192)))
    run = prepare(photo, b, regions=[Region(left, a)], **(QUICK | {"size": 256, "iterations": 40, "strength": 0.8}))
    image, encoder = image_of(run), run.plan.encoder

    def gram(pixels):
        f = encoder(pixels, ["relu2_1"])["relu2_1"].double()
        return moments(f).gram[0]

    grams = [gram(from_array(each).pixels) for each in (a, b)]
    for part, own, other in ((image[..., :104], *grams), (image[..., 152:], *reversed(grams))):
        assert float((gram(part) - own).norm()) < 0.5 * float((gram(part) - other).norm())


def test_the_seam_between_regions_is_narrow():
    """Red left, blue right, 256 pixels: colors are a region's own from 12 pixels on, as 24 pixels of 512 would be."""
    grain = np.random.default_rng(5).integers(-60, 60, (192, 256, 1))
    red, blue = (np.clip(np.array(color) + grain, 0, 255).astype(np.uint8) for color in ((190, 70, 60), (50, 90, 180)))
    photo, left = (np.asarray(Image.fromarray(each).resize((256, 192))) for each in (PHOTO, half(True)))
    run = prepare(photo, blue, regions=[Region(left, red)], **(QUICK | {"size": 256, "iterations": 20}))
    columns = image_of(run)[0].mean(1)
    first, last = columns[:, :100].mean(1, keepdim=True), columns[:, 156:].mean(1, keepdim=True)
    change = ((columns - first) * (last - first)).sum(0) / (last - first).square().sum()
    assert float(change[:116].abs().max()) < 0.05
    assert float((change[140:] - 1).abs().max()) < 0.05


def test_a_run_with_regions_is_replayed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, values in {"photo": PHOTO, "a": A, "b": B, "sky": half(True), "b_part": half(False)}.items():
        Image.fromarray(values).save(f"{name}.png")
    kept = np.pad(np.full((30, 30), 255, np.uint8), ((0, 66), (98, 0)))
    Image.fromarray(kept).save("face.png")
    made = impasto.stylize(
        "photo.png", "a.png", regions=[Region("sky.png", "b.png", "b_part.png")], keep="face.png", **QUICK
    )
    made.save("out.png")
    assert cli.run(["replay", "out.png", "-o", "again.png"]) == 0
    assert np.array_equal(np.asarray(Image.open("again.png")), np.asarray(Image.open("out.png")))
    roles = [each.role for each in made.record.inputs]
    assert roles == ["content", "style", "region", "region style", "region style mask", "keep"]


# The command --------------------------------------------------------------------------------------------------------


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, values in {"photo": PHOTO, "a": A, "b": B, "sky": half(True), "part": half(False)}.items():
        Image.fromarray(values).save(f"{name}.png")
    (tmp_path / "masks").mkdir()
    Image.fromarray(0 * half(True)).save("masks/black.png")
    return tmp_path


FEW = ("--preset", "fast", "--iterations", "4", "--size", "96", "-q")


def test_the_command_has_regions_a_rest_and_what_is_kept(desk):
    asked = ("transfer", "photo.png", "--region", "sky.png=b.png:part.png", "--region", "*=a.png", "--keep", "part.png")
    assert cli.run([*asked, "-o", "out.png", *FEW]) == 0
    made = impasto.stylize(
        "photo.png",
        "a.png",
        regions=[Region("sky.png", "b.png", "part.png")],
        keep="part.png",
        preset="fast",
        iterations=4,
        size=96,
    )
    assert np.array_equal(np.asarray(Image.open("out.png")), np.asarray(made))


def test_names_of_masks_and_styles_may_have_signs_of_equality(desk):
    Image.fromarray(half(True)).save("a=b.png")
    assert region_of("a=b.png=b.png") == ("a=b.png", "b.png", None)
    assert region_of("sky.png=c=d.png") == ("sky.png", "c=d.png", None)
    assert region_of("auto:3=c=d.png") == ("auto:3", "c=d.png", None)
    assert region_of("*=c=d.png") == ("*", "c=d.png", None)
    assert region_of("none=c=d.png") == ("none", "c=d.png", None)
    assert region_of("a=b.png=b.png:part.png") == ("a=b.png", "b.png", "part.png")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--region", "sky.png"), "it must be MASK=STYLE"),
        (("--region", "sky.png=a.png:"), "name a mask of the style after the colon"),
        (("-s", ""), "style: The name of an image is empty"),
        (("--region", "*=a.png:part.png"), "the style of the rest has no mask"),
        (("a.png", "--keep", ""), "--keep is empty"),
        (("a.png", "--keep", "sky.png", "--keep", "part.png"), "--keep is sky.png and part.png; give one mask"),
        (("--region", "masks/black.png=a.png"), "The mask masks/black.png is black"),
        (("a.png", "--keep", "masks/black.png"), "The mask masks/black.png is black"),
        (("--region", "nothing.png=a.png"), "There is no file nothing.png"),
        (("--region", "sky.png=nothing.png"), "There is no file nothing.png"),
        (("a.png", "--keep", "nothing.png"), "There is no file nothing.png"),
        (("--region", "sky.png=a.png", "-o", "sky.png", "--force"), "sky.png"),
        (("a.png", "--region", "sky.png=b.png", "--style-weights", "1,2,3"), "3 entries but there are 2 style images"),
        (("a.png", "--region", "sky.png=b.png", "--style-weights", "1,0"), "0 for every style of the region sky"),
        (("a.png", "--region", "sky.png=b.png", "--style-weights", "0,1"), "0 for every style of the rest"),
    ],
)
def test_regions_that_cannot_be_are_told(desk, capsys, arguments, said):
    assert cli.run(["transfer", "photo.png", *arguments, *FEW]) == 2
    assert said in capsys.readouterr().err
