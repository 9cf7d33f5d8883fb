"""Instant mode: what transport promises, what blends, tiles, strength and regions do, and the run that it makes."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

import impasto as package
from impasto import Region, swatches
from impasto.color import luminance
from impasto.errors import UsageError, WeightsError
from impasto.images import load_image, resize
from impasto.instant import Instant, Style, load_instant, packed
from impasto.instant.decoder import Decoder
from impasto.instant.grain import grain
from impasto.instant.transport import BOUND, Origin
from impasto.painter import prepare
from impasto.statistics import moments

TRAINING = Path(__file__).parents[1] / "training"
LARGEST = 1.5e6  # bytes of the weights
LIKENESS = 60  # dB, of what no strength gives back


@pytest.fixture(scope="module")
def network():
    return load_instant()


def drawn(name, width=144, height=112, seed=0):
    """A swatch, (1, 3, height, width) in [0, 1]."""
    pixels = swatches.draw(name, width=width, height=height, seed=seed)
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255


PHOTO, A, B = drawn("watercolor"), drawn("mosaic"), drawn("woodcut")


def of(*pictures, shares=None, where=None):
    return Style(list(pictures), [None] * len(pictures), shares or [1.0] * len(pictures), where)


def psnr(image, other):
    return -10 * float((image - other).square().mean().log10())


# Transport ----------------------------------------------------------------------------------------------------------


def test_transport_gives_mean_and_covariance(normal):
    mix, other = normal(1, 6, 6).float(), normal(1, 6, 6).float()
    source, target = (m @ normal(1, 6, 900).float() + normal(1, 6, 1).float() for m in (mix, other))
    source, target = (f.view(1, 6, 30, 30) for f in (source, target))
    moved = moments(Origin.of(moments(source)).to(moments(target))(source))
    wanted = moments(target)
    assert torch.allclose(moved.mean, wanted.mean, atol=1e-3)
    assert float((moved.covariance - wanted.covariance).norm() / wanted.covariance.norm()) < 0.05


def test_transport_to_its_own_statistics_changes_nothing(normal):
    features = normal(2, 6, 20, 30).float()
    found = Origin.of(moments(features)).to(moments(features))
    torch.testing.assert_close(found(features), features, atol=1e-3, rtol=0)


def test_a_picture_of_one_color_has_a_transport(normal):
    flat, other = torch.full((1, 6, 20, 20), 0.7), normal(1, 6, 20, 20).float()
    moved = Origin.of(moments(flat)).to(moments(other))(flat)
    assert torch.allclose(moved.mean((2, 3)), other.mean((2, 3)), atol=0.1)


def test_what_lies_far_out_is_held_back_and_nothing_else(normal):
    features = 1 + 0.3 * normal(1, 6, 30, 30).float()
    features[..., 3, 4] += 30 * torch.tensor([1.0, -2, 0, 0.5, 1, 0])
    seen = moments(features)
    whitening = Origin.of(seen).held(torch.ones(1)).whitening

    def distances(each):
        return torch.einsum("cd,ndhw->nchw", whitening[0], each - seen.mean[..., None, None]).square().mean(1).sqrt()

    before, held = distances(features), Origin.of(seen).held(torch.ones(1))(features)
    near = (before <= BOUND).expand_as(features[0])
    assert 0.5 < near.float().mean() < 1
    torch.testing.assert_close(held[0][near], features[0][near], atol=1e-5, rtol=0)
    assert before.max() > 10
    assert distances(held).max() < 1.7 * BOUND
    offset, moved = (each[0, :, 3, 4] - seen.mean[0] for each in (features, held))
    assert torch.cosine_similarity(offset, moved, dim=0) > 1 - 1e-5
    none, half = (Origin.of(seen).held(torch.tensor([amount]))(features) for amount in (0.0, 0.5))
    torch.testing.assert_close(none, features)
    torch.testing.assert_close(half, (features + held) / 2, atol=1e-4, rtol=0)


# The grain ----------------------------------------------------------------------------------------------------------


def test_grain_is_a_function_of_the_place_alone():
    whole = grain(200, 300)
    torch.testing.assert_close(grain(40, 70, 100, 33), whole[..., 100:140, 33:103])


def test_grain_has_mean_0_and_variance_1_and_no_direction():
    spectrum = torch.fft.fft2(grain(512, 512)[0, 0]).abs().square() / 512**2
    assert abs(float(grain(512, 512).mean())) < 0.05
    assert float(grain(512, 512).var()) == pytest.approx(1, rel=0.15)
    assert float(spectrum[0, 1:].mean()) == pytest.approx(float(spectrum[1:, 0].mean()), rel=0.15)


def test_what_is_flat_gets_strokes(network):
    photo = drawn("watercolor", 144, 208)
    photo[..., :112, :] = 0.6
    sky = luminance(network.paint(photo, [of(A)]))[..., 8:96, :]
    without = Decoder()
    without.load_state_dict({**network.decoder.state_dict(), "grain": torch.zeros(())})
    plain = luminance(Instant(network.encoder, without).paint(photo, [of(A)]))[..., 8:96, :]
    assert sky.std() > 2 * plain.std()


# The network --------------------------------------------------------------------------------------------------------


def test_weights_are_small_and_in_half_precision():
    tensors = load_file(packed.FILE)
    assert packed.FILE.stat().st_size <= LARGEST
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float16}


def test_tiles_make_the_same_picture_as_the_whole(network):
    photo = drawn("watercolor", 300, 200)
    left = drawn("marbling", 300, 200)[:, :1]
    styles = [of(A, where=left), of(B, where=1 - left)]
    for each in ([of(A)], styles):
        whole = network.paint(photo, each, tile=1024)
        assert (network.paint(photo, each, tile=128) - whole).abs().max() < 1e-3


def test_a_large_picture_has_the_forms_of_a_small_one_and_details_of_its_own(network):
    photo, style = drawn("watercolor", 800, 96), drawn("marbling", 160, 120)
    large = network.paint(photo, [of(style)])
    small = network.paint(resize(photo, 48, 400).clamp(0, 1), [of(resize(style, 60, 80).clamp(0, 1))])
    alone = network._at_one_size(photo, [of(style)], 1.0, 0.0, 1024)
    shrunk, of_alone = (resize(picture, 48, 400) for picture in (large, alone))
    assert psnr(shrunk, small) > psnr(of_alone, small) + 6
    assert psnr(large, resize(small, 96, 800)) < psnr(shrunk, small)


def test_a_blend_of_a_style_with_itself_is_that_style(network):
    once, twice = network.paint(PHOTO, [of(A)]), network.paint(PHOTO, [of(A, A, shares=[0.3, 0.7])])
    torch.testing.assert_close(once, twice, atol=1e-3, rtol=0)


def test_blends_go_from_one_style_to_the_other(network):
    pictures = [network.paint(PHOTO, [of(A, B, shares=[1 - share, share])]) for share in (0.0001, 0.5, 0.9999)]
    first, between, last = (float((picture - pictures[0]).square().mean()) for picture in pictures)
    assert first < between < last


def test_strength_goes_from_the_photograph_to_the_style(network):
    pictures = [network.paint(PHOTO, [of(A)], amount=amount) for amount in (0.0, 0.01, 0.5, 1.0)]
    likeness = [psnr(picture, PHOTO) for picture in pictures]
    assert likeness[0] > LIKENESS
    assert likeness == sorted(likeness, reverse=True)
    assert psnr(pictures[0], pictures[1]) > 35


def test_no_strength_is_the_photograph_where_regions_and_tiles_meet(network):
    photo, left = drawn("watercolor", 300, 200), drawn("marbling", 300, 200)[:, :1]
    parts = [of(A, where=left), of(B, where=1 - left)]
    assert psnr(network.paint(photo, parts, amount=0.0, tile=128), photo) > LIKENESS


def test_any_size_can_be_painted(network):
    for height, width in ((16, 16), (33, 57), (64, 40)):
        assert network.paint(resize(PHOTO, height, width), [of(A)]).shape == (1, 3, height, width)


def test_each_region_has_its_own_statistics_and_nothing_of_the_others(network):
    photo = drawn("watercolor", 400, 112)
    left = torch.zeros(1, 1, 112, 400)
    left[..., :200] = 1
    one, other = (network.paint(photo, [of(A, where=left), of(rest, where=1 - left)]) for rest in (A, B))
    far = network._halo
    assert (one - other)[..., : 200 - far].abs().max() < 5e-3  # what is near the border has a say in the colors
    assert (one - other)[..., 200:].abs().mean() > 0.02


def test_a_damaged_file_is_told(tmp_path):
    broken = tmp_path / "instant.safetensors"
    broken.write_bytes(packed.FILE.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="install impasto again"):
        load_instant(file=broken)
    with pytest.raises(WeightsError, match="install impasto again"):
        load_instant(file=tmp_path / "absent")


def of_training(name):
    if not TRAINING.is_dir():
        pytest.skip("needs training/")
    spec = importlib.util.spec_from_file_location(name, TRAINING / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_rims_are_what_is_lighter_beside_edges_than_farther_off():
    rims = of_training("rims")
    content = torch.full((1, 3, 96, 160), 0.2)
    content[..., 80:] = 0.8
    close, _ = rims.bands(content)
    assert close.sum() > 0
    waves = 0.1 * torch.sin(torch.arange(96) * 3.0)[:, None].expand(96, 160)  # strokes across the edge
    for changed, expected in ((content + 0.1 * close, 0.1), (content + 0.1, 0.0), (content + waves, 0.0)):
        assert rims.rims(changed, content).sqrt().item() == pytest.approx(expected, abs=2e-3)
    assert not rims.rims(torch.rand(1, 3, 96, 160), torch.full((1, 3, 96, 160), 0.5)).any()


def test_a_state_of_the_training_is_packed_as_it_is_loaded(network, tmp_path, monkeypatch):
    packer = of_training("pack_instant")
    tensors = load_file(packed.FILE)
    seeing = {name: tensor.float() for name, tensor in tensors.items() if not name.startswith(packed.DECODER)}
    state = {"step": 7, "encoder": seeing, "average": network.decoder.state_dict()}
    torch.save(state, tmp_path / "state.pt")
    monkeypatch.setattr(sys, "argv", ["pack_instant.py", str(tmp_path), "--out", str(tmp_path / "made.safetensors")])
    packer.main()
    made = load_file(tmp_path / "made.safetensors")
    assert made.keys() == tensors.keys()
    assert all(torch.equal(made[name], tensor) for name, tensor in tensors.items())


# The run ------------------------------------------------------------------------------------------------------------

PHOTOGRAPH, STYLE = (
    np.asarray(Image.fromarray(swatches.draw(n, width=160, height=120))) for n in ("ink-wash", "batik")
)
SMALL = {"preset": "instant", "device": "cpu", "size": 160}


def test_a_run_is_one_step_whose_picture_the_network_painted(network):
    run = prepare(PHOTOGRAPH, STYLE, **SMALL)
    (step,) = run
    content, style = (torch.from_numpy(p.copy()).permute(2, 0, 1)[None].float() / 255 for p in (PHOTOGRAPH, STYLE))
    torch.testing.assert_close(step.image, network.paint(content, [of(style)]), atol=5e-4, rtol=0)
    assert step.last
    assert [each.name for each in run.record().encoders] == ["compact", "instant"]


def test_strength_is_that_of_the_recipe():
    pictures = [next(iter(prepare(PHOTOGRAPH, STYLE, strength=s, **SMALL))).image for s in (0.0, 0.25, 0.5)]
    content = torch.from_numpy(PHOTOGRAPH.copy()).permute(2, 0, 1)[None].float() / 255
    likeness = [psnr(picture, content) for picture in pictures]
    assert likeness == sorted(likeness, reverse=True)


def test_what_is_kept_and_colors_and_scale_are_as_in_every_run():
    keep = np.zeros((120, 160), np.uint8)
    keep[:, :80] = 255
    kept = np.asarray(package.stylize(PHOTOGRAPH, STYLE, keep=keep, **SMALL))
    assert (kept[:, :76] == PHOTOGRAPH[:, :76]).all()
    assert (kept[:, 84:] != PHOTOGRAPH[:, 84:]).any()

    gray = package.stylize(PHOTOGRAPH, STYLE, colors="luminance", output="torch", **SMALL)
    own = torch.from_numpy(PHOTOGRAPH.copy()).permute(2, 0, 1)[None].float() / 255
    assert ((gray - luminance(gray)) * (own - luminance(own))).mean() > 0
    scaled = [np.asarray(package.stylize(PHOTOGRAPH, STYLE, style_scale=s, **SMALL)).astype(float) for s in (1, 2)]
    assert np.abs(scaled[0] - scaled[1]).mean() > 1


def test_regions_of_a_run_are_painted_apart():
    left = np.zeros((120, 160), np.uint8)
    left[:, :80] = 255
    other = swatches.draw("mosaic", width=160, height=120)
    pictures = [
        np.asarray(package.stylize(PHOTOGRAPH, STYLE, regions=[Region(left, style)], **SMALL)).astype(float)
        for style in (STYLE, other)
    ]
    difference = np.abs(pictures[0] - pictures[1]).mean((0, 2))
    assert difference[:60].mean() > 4 * difference[110:].mean()


def test_the_command_paints_at_once_and_the_picture_can_be_made_again(impasto, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(PHOTOGRAPH).save("photo.png")
    code, *_ = impasto("transfer", "photo.png", "swatch:batik", "--instant", "--size", 160, "-o", "out.png", "-q")
    assert code == 0
    made = load_image("out.png").pixels
    alike = package.stylize("photo.png", "swatch:batik", output="torch", **SMALL)
    assert (made - alike).abs().max() <= 1 / 255
    assert impasto("replay", "out.png", "-o", "again.png", "-q")[0] == 0
    assert torch.equal(load_image("again.png").pixels, made)
    (tmp_path / "in").mkdir()
    Image.fromarray(PHOTOGRAPH).save("in/photo.png")
    assert impasto("batch", "in", "-s", "swatch:batik", "--instant", "--size", 160, "-o", "done", "-q")[0] == 0
    assert torch.equal(load_image("done/photo.png").pixels, made)


def test_a_texture_has_no_photograph_to_paint():
    with pytest.raises(UsageError, match="init"):
        package.synthesize(STYLE, init="instant", size=64)


def test_a_texture_has_the_fine_layers_and_the_colors_stay_the_styles():
    other = swatches.draw("woodcut", width=160, height=120)
    alone, fine = (
        package.stylize(PHOTOGRAPH, STYLE, output="torch", **SMALL | texture) for texture in ({}, {"texture": other})
    )
    assert (alone - fine).abs().mean() > 0.01
    whole = package.stylize(PHOTOGRAPH, other, output="torch", **SMALL)
    means = [picture.mean((2, 3)) for picture in (alone, fine, whole)]
    assert (means[0] - means[1]).norm() < (means[1] - means[2]).norm()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--preset", "fast"], "--instant is the preset instant, and --preset is fast"),
        (["--iterations", "5"], "with no --iterations"),
        (["--until", "converged"], "with no --until"),
        (["--style-weight", "9"], "with no --style-weight"),
        (["--solver", "adam"], "with no --solver"),
        (["--content-layers", "relu3_1"], "with no --content-layers"),
    ],
)
def test_the_command_refuses_what_instant_does_not_have(impasto, more, said):
    for arguments in (["--instant", *more], [*more, "--instant"]):
        code, _, err = impasto("transfer", "swatch:mosaic", "swatch:cubism", "--dry-run", *arguments)
        assert (code, said in err) == (2, True), err
