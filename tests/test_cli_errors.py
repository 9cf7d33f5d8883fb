"""The command line asked wrongly: a plain message with the value, the rule, the remedy, and the right exit code."""

import shlex

import numpy as np
import pytest
from PIL import Image

from impasto.cli import main


def picture(path, width=64, height=48):
    levels = np.linspace(0, 255, width * height * 3).reshape(height, width, 3)
    Image.fromarray(levels.astype(np.uint8)).save(path)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What the cases below read: good pictures and every kind of bad one."""
    folder = tmp_path_factory.mktemp("pictures")
    for name in ("photo.jpg", "painting.png", "existing.png"):
        picture(folder / name)
    picture(folder / "one.png", 1, 1)
    picture(folder / "thin.png", 3, 2000)
    picture(folder / "wide.png", 300, 200)
    (folder / "text.jpg").write_text("This is no picture.\n")
    whole = picture(folder / "whole.jpg", 300, 200).read_bytes()
    (folder / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.png").touch()
    (folder / "folder").mkdir()
    Image.new("1", (15000, 14000)).save(folder / "bomb.png")
    return folder


@pytest.fixture
def impasto(folder, monkeypatch, capsys, tmp_path):
    """impasto(line): run the command in the folder; returns (exit code, standard output, standard error)."""
    monkeypatch.chdir(folder)
    for variable in ("IMPASTO_CACHE", "TORCH_HOME", "KERAS_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")  # nobody listens there

    def run(line):
        with pytest.raises(SystemExit) as left:
            main(shlex.split(line))
        captured = capsys.readouterr()
        return left.value.code, captured.out, captured.err

    return run


TRANSFER = "transfer photo.jpg painting.png -o out.png "

GRAMMAR = [
    ("transfr a b", ["Unknown command 'transfr'", "'transfer'"]),
    ("preset", ["'preset'", "the closest is 'presets'"]),
    ("photo.jpg painting.png", ["is a file, not a command", "impasto transfer photo.jpg"]),
    ("--verison", ["Unknown option '--verison'", "'--version'", "'impasto --help'"]),
    ("transfer", ["CONTENT is missing", "Usage: impasto transfer", "'impasto transfer --help'"]),
    ("transfer photo.jpg", ["STYLE is missing", "swatch:NAME"]),
    (TRANSFER + "--strenght 1", ["Unknown option '--strenght'; the closest is '--strength'", "transfer --help"]),
    (TRANSFER + "--xyzzy", ["Unknown option '--xyzzy'."]),
    ("transfer -x.png painting.png -o out.png", ["Unknown option '-x'", "is written ./-NAME"]),
    (TRANSFER + "--force=yes", ["'--force' does not take a value"]),
    (TRANSFER + "--size", ["'--size' requires an argument"]),
    ("presets shwo", ["'shwo'"]),
    ("presets show", ["NAME is missing"]),
    ("presets show tutorail", ["the closest is 'tutorial'", "Presets: default,"]),
    ("swatches brushstroke", ["the closest is 'brushstrokes'", "Swatches: "]),
    ("swatches mosaic mosaic", ["extra argument"]),
    ("swatches mosaic --size 3x", ["--size is '3x'", "640x480"]),
    ("swatches mosaic --size 9", ["width is 9", "16 to "]),
    ("swatches mosaic --seed -1", ["seed is -1"]),
    ("swatches mosaic -o existing.png", ["existing.png exists already", "--force"]),
    ("weights fetch vgg19.kears", ["the closest is 'vgg19.keras'"]),
    ("weights lst", ["'lst'"]),
]

VALUES = [
    ("--strength 2", ["strength is 2", "from 0 (the content) to 1"]),
    ("--strength -0.1", ["strength is -0.1"]),
    ("--strength nan", ["strength is nan"]),
    ("--strength much", ["Invalid value for '--strength': 'much' is not a valid float", "transfer --help"]),
    ("--size 0", ["size is 0", "at least 1"]),
    ("--size -1", ["size is '-1'"]),
    ("--size 1.5", ["size is '1.5'", "such as 640x480, or original"]),
    ("--size 8", ["8x6", "needs at least 8", "larger --size"]),
    ("--size 200000 --iterations 300", ["200000x150000 pixels take at least", "GB", "smaller --size"]),
    ("--iterations 0", ["iterations is 0"]),
    ("--iterations 1 --size 256", ["iterations is 1", "2 levels", "fewer levels"]),
    ("--levels 0", ["levels is 0"]),
    ("--style-weights 1,2", ["2 entries", "1 style image", "one for each"]),
    ("--style-weights 1,x", ["'--style-weights': '1,x'", "numbers with commas, such as 2,1"]),
    ("--style-weights nan", ["style_weights are nan"]),
    ("--style-weights 0", ["style_weights are 0"]),
    ("--style-scale 0", ["style_scale is 0"]),
    ("--style-scale nan", ["style_scale is nan"]),
    ("--style-scale inf", ["style_scale is inf"]),
    ("--style-scale 0.1", ["style image would be 6x5", "--style-scale"]),
    ("--style-weight 2,1", ["'2,1' are several numbers", "Did you mean --style-weights?"]),
    ("--memory 4", ["memory is '4', which are bytes. Did you mean 4GB?"]),
    ("--content-weight 2,1", ["'2,1' is not a valid float"]),
    ("--content-weight -1", ["content_weight is -1"]),
    ("--tv-weight inf", ["tv_weight is inf"]),
    ("--save-every 0", ["'--save-every': 0 is not in the range x>=1"]),
    ("--max-pixels 0", ["max_pixels is 0"]),
    ("--seed 99999999999999999999", ["seed is 99999999999999999999"]),
    ("--seed -1", ["seed is -1"]),
    ("--style-layers relu4_9", ["Unknown layer 'relu4_9' for vgg19", "closest is 'relu4_", "Layers: relu1_1"]),
    ("--style-layers relu4_1,,", ["'--style-layers': 'relu4_1,,'", "names with commas"]),
    ("--style-layers relu4_1=x", ["'relu4_1=x'", "relu4_1=0.5"]),
    ("--content-layers relu4_1=nan", ["'relu4_1=nan'"]),
    ("--preset defalt", ["the closest is 'default'"]),
    ("--encoder vgg18", ["the closest is 'vgg1", "Encoders: compact, vgg19"]),
    ("--device gpu", ["'gpu'", "cuda", "mps"]),
    ("--device cudda", ["the closest is 'cuda'"]),
    ("--dtype fp32", ["the closest is 'tf32'", "float32"]),
    ("--solver lbfsg", ["the closest is 'lbfgs'", "Solvers: lbfgs, adam"]),
    ("--pooling avg", ["the closest is 'average'"]),
    ("--padding zero", ["the closest is 'zeros'"]),
    ("--style-loss gramm", ["the closest is 'gram'", "Style losses: "]),
    ("--init macthed", ["the closest is 'matched'", "an image file"]),
    ("--init gone.png", ["no file gone.png"]),
    ("--weights gone.pth", ["no weight file gone.pth", "Check the name"]),
]

FILES = [
    (2, "phot.jpg painting.png -o out.png", ["no file phot.jpg", "Did you mean photo.jpg?"]),
    (2, "photo.jpg gone.jpg -o out.png --dry-run", ["no file gone.jpg"]),
    (
        2,
        "photo.jpg photo.jpg,painting.png -o out.png",
        ["no file photo.jpg,painting.png", "name each by itself: photo.jpg and painting.png"],
    ),
    (2, "photo.jpg https://a.org/b.jpg -o out.png", ["https://a.org/b.jpg is an address on the web", "Download it"]),
    (2, "photo.jpg gone/b.jpg -o out.png", ["there is no folder gone"]),
    (2, "photo.jpg mosaic -o out.png", ["no file mosaic", "swatch:mosaic"]),
    (2, "photo.jpg swatch:mosiac -o out.png", ["'mosiac'", "the closest is 'mosaic'"]),
    (2, "photo.jpg swatch:mosaic:x -o out.png", ["seed", "whole number"]),
    (2, "folder painting.png -o out.png", ["folder is a folder, not an image"]),
    (1, "text.jpg painting.png -o out.png", ["text.jpg is a text file", "PNG, JPEG"]),
    (1, "truncated.jpg painting.png -o out.png", ["truncated"]),
    (1, "empty.png painting.png -o out.png", ["empty.png is empty"]),
    (1, "bomb.png painting.png -o out.png", ["210,000,000 pixels", "200,000,000", "--max-pixels"]),
    (1, "photo.jpg painting.png -o out.png --max-pixels 100", ["photo.jpg has 64x48", "limit is 100"]),
    (2, "one.png painting.png -o out.png", ["picture would be 1x1", "larger --size"]),
    (2, "thin.png painting.png -o out.png", ["picture would be 1x512"]),
    (2, "photo.jpg painting.png -o gone/out.png", ["no folder gone", "Create it"]),
    (2, "photo.jpg painting.png -o photo.jpg/out.png", ["photo.jpg is a file, not a folder"]),
    (2, "photo.jpg painting.png -o folder", ["folder is a folder", "folder/result.png"]),
    (2, "photo.jpg painting.png -o out", ["no extension", ".png"]),
    (2, "photo.jpg painting.png -o out.pgn", ["'.pgn'", "the closest is '.png'"]),
    (2, "photo.jpg painting.png -o out.gif", [".gif", "does not write"]),
    (2, "photo.jpg painting.png -o existing.png", ["existing.png exists already", "--force"]),
    (2, "photo.jpg painting.png -o existing.png --dry-run", ["existing.png exists already"]),
    (2, "photo.jpg painting.png -o ./photo.jpg", ["photo.jpg is itself one of the images", "never overwritten"]),
    (1, "photo.jpg painting.png -o out.png --weights text.jpg", ["Cannot use text.jpg"]),
    (1, "photo.jpg painting.png -o out.png --encoder vgg19.keras --dry-run", ["dry run downloads nothing"]),
    (2, "photo.jpg painting.png -o out.png --dry-run --checkpoint .", [". is not empty. Name another folder"]),
    (2, "-o out.png photo.jpg painting.png -- --size 96", ["--size stands after --", "Options come before"]),
]


def check(impasto, folder, line, code, words):
    before = sorted(folder.rglob("*"))
    found, out, err = impasto(line)
    assert found == code, err
    assert out == ""
    assert err.startswith("Error: ")
    assert "Traceback" not in err
    assert "not expected" not in err
    assert "=True" not in err, "that is Python"
    for word in words:
        assert word in err
    assert sorted(folder.rglob("*")) == before, "a file was left behind"


@pytest.mark.parametrize(("line", "words"), GRAMMAR)
def test_grammar(impasto, folder, line, words):
    check(impasto, folder, line, 2, words)


@pytest.mark.parametrize(("options", "words"), VALUES)
def test_values(impasto, folder, options, words):
    check(impasto, folder, TRANSFER + options, 2, words)


@pytest.mark.parametrize(("code", "line", "words"), FILES)
def test_files(impasto, folder, code, line, words):
    check(impasto, folder, f"transfer {line}", code, words)


def test_without_a_network_the_remedies_are_named(impasto, folder):
    words = ["vgg19-dcbb9e9d.pth", "548 MB", "https://download.pytorch.org/", "by hand", "--encoder compact"]
    check(impasto, folder, TRANSFER + "--encoder vgg19.torchvision", 1, words)


def test_debug_shows_the_traceback(folder, monkeypatch):
    monkeypatch.chdir(folder)
    with pytest.raises(ValueError, match="strength is 2"):
        main([*shlex.split(TRANSFER), "--strength", "2", "--debug"])


def test_a_dry_run_says_nothing_of_downloads_where_there_are_none(impasto):
    code, _, err = impasto("transfer photo.jpg painting.png -o out.png --weights text.jpg --dry-run")
    assert code == 1
    assert "Cannot use text.jpg" in err
    assert "download" not in err


def test_levels_that_are_too_small_do_not_count(impasto, tmp_path):
    narrow = picture(tmp_path / "narrow.png", 3, 500)
    assert impasto(f"transfer {narrow} painting.png -o out.png --size 700 --iterations 2 --dry-run")[0] == 0


def test_no_folder_to_resume(impasto):
    code, _, err = impasto("resume gone")
    assert (code, "no folder gone" in err) == (2, True)
