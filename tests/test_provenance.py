"""How a picture was made: what its file tells, that it tells nothing more, and that it can be made again from it."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, PngImagePlugin

from impasto import prepare
from impasto.files import file_hash
from impasto.images import load_image, read_text, save_image
from impasto.recipe import Recipe
from impasto.record import KEYWORD

QUICK = ("--preset", "fast", "--iterations", "3", "-q")


def picture(path, seed, width=56, height=48, alpha=False):
    noise = np.random.default_rng(seed).normal(0, 30, (height, width, 3 + alpha))
    levels = np.linspace(0, 255, width * height * (3 + alpha)).reshape(noise.shape) + noise
    Image.fromarray(levels.clip(0, 255).astype(np.uint8)).save(path)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An own folder with a photograph and a painting."""
    monkeypatch.chdir(tmp_path)
    picture("photo.png", 1)
    picture("painting.png", 2)
    return tmp_path


@pytest.fixture
def made(impasto):
    """made(*options): a picture out.png of the photograph and the painting; returns its record."""

    def make(*options, out="out.png"):
        code, _, err = impasto("transfer", "photo.png", "painting.png", *QUICK, *options, "-o", out)
        assert code == 0, err
        return json.loads(read_text(out)[KEYWORD])

    return make


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


# What a file tells --------------------------------------------------------------------------------------------------


def test_the_record_has_everything_that_made_the_picture(made):
    record = made("--strength", "0.7", "--seed", "3")
    assert record["task"] == "transfer"
    assert (record["settings"]["strength"], record["settings"]["seed"], record["settings"]["iterations"]) == (0.7, 3, 3)
    assert set(record["settings"]) == set(Recipe().to_json())
    assert record["inputs"] == [
        {"role": "content", "name": "photo.png", "sha256": file_hash("photo.png")},
        {"role": "style", "name": "painting.png", "sha256": file_hash("painting.png")},
    ]
    assert record["encoders"][0]["name"] == "compact"
    assert len(record["encoders"][0]["sha256"]) == 64
    assert record["made"]["torch"] == torch.__version__
    assert record["made"]["threads"] == torch.get_num_threads()
    assert record["plan"]["levels"] == [[56, 48, 3, None]]
    result = record["result"]
    assert (result["evaluations"], result["of"]) == (3, 3)
    assert result["loss"] == pytest.approx(sum(result["terms"].values()), rel=1e-5)


def test_the_hash_is_that_of_the_pixels_in_the_file(made):
    assert made()["result"]["pixels"] == hashlib.sha256(pixels("out.png").tobytes()).hexdigest()


@pytest.mark.parametrize("name", ["out.png", "out.jpg", "out.webp", "out.tiff"])
def test_metadata_does_not_change_pixels(made, impasto, name):
    made(out=name)
    impasto("transfer", "photo.png", "painting.png", *QUICK, "--no-metadata", "-o", f"private-{name}")
    assert np.array_equal(pixels(name), pixels(f"private-{name}"))
    assert KEYWORD not in read_text(f"private-{name}")


def test_no_path_is_told_but_the_names_as_given(made, folder):
    text = json.dumps(made())
    assert str(folder) not in text
    assert "/" not in text.replace("content/", "").replace("style/", "")


def test_pictures_that_were_no_files_are_told_by_their_pixels():
    content, style = torch.rand(1, 3, 48, 48), "swatch:mosaic"
    inputs = prepare(content, [style], iterations=1, size=48).record().inputs
    assert [(each.name, len(each.pixels)) for each in inputs] == [("", 64), ("swatch:mosaic", 64)]
    other = prepare(1 - content, [style], iterations=1, size=48).record().inputs
    assert other[0] != inputs[0]
    assert other[1] == inputs[1]


def test_show_prints_it(made, impasto):
    record = made("--strength", "0.7")
    code, out, err = impasto("show", "out.png")
    assert (code, err) == (0, "")
    rows = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert rows["strength"] == "0.7"
    assert rows["content"] == f"photo.png  (sha256 {file_hash('photo.png')[:16]})"
    assert rows["evaluations"] == "3 of 3"
    assert json.loads(impasto("show", "out.png", "--json")[1]) == record


def test_show_of_a_picture_that_tells_nothing(impasto):
    code, _, err = impasto("show", "photo.png")
    assert code == 2
    assert "photo.png does not say how it was made" in err


def test_show_of_a_checkpoint_tells_what_goes_on_with_it(made, impasto):
    made("--checkpoint", "state")
    code, _, err = impasto("show", "state")
    assert code == 2
    assert "state is the checkpoint of a run, not its picture. Go on with it: impasto resume state" in err


# Making it again ----------------------------------------------------------------------------------------------------

TRANSFER = ("transfer", "photo.png", "painting.png")
KINDS = {
    "png": (*TRANSFER, "-o", "out.png"),
    "jpeg, which loses pixels": (*TRANSFER, "-o", "out.jpg"),
    "webp, adam": (*TRANSFER, "--solver", "adam", "-o", "out.webp"),
    "tiff, 16 bits, float32": (*TRANSFER, "--bits", "16", "--dtype", "float32", "-o", "out.tiff"),
    "from noise, two sizes": (*TRANSFER, "--init", "random", "--seed", "5", "--size", "256", "-o", "out.png"),
    "from a file": (*TRANSFER, "--init", "third.png", "-o", "out.png"),
    "two styles": (
        "transfer",
        "photo.png",
        "swatch:mosaic:4",
        "painting.png",
        "--style-weights",
        "2,1",
        "-o",
        "out.png",
    ),
    "with transparency": ("transfer", "clear.png", "painting.png", "-o", "out.png"),
    "another preset": (*TRANSFER, "--preset", "gatys2016-code", "--encoder", "compact", "-o", "out.png"),
    "texture": ("texture", "painting.png", "--size", "64x48", "-o", "out.png"),
    "tileable texture": ("texture", "painting.png", "--size", "64x64", "--tileable", "--seed", "2", "-o", "out.png"),
    "content reconstruction": ("reconstruct", "content", "photo.png", "--layers", "relu3_1", "-o", "out.png"),
    "style reconstruction": ("reconstruct", "style", "photo.png", "--noise", "0.25", "-o", "out.png"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_replay_makes_the_same_again(impasto, folder, kind):
    picture("third.png", 3)
    picture("clear.png", 4, alpha=True)
    arguments = KINDS[kind]
    out = arguments[-1]
    code, _, err = impasto(*arguments[:-2], *QUICK, "-o", out)
    assert code == 0, err
    code, said, _ = impasto("replay", out, "-o", "again.png")
    assert (code, said.splitlines()[-1]) == (0, "result: the same")
    if out == "out.png":
        assert np.array_equal(pixels("out.png"), pixels("again.png"))


def test_replay_of_an_intermediate_picture_ends_there(impasto, made):
    made("--save-every", "2")
    assert impasto("replay", "out-0002.png", "-o", "again.png")[0] == 0
    assert np.array_equal(pixels("out-0002.png"), pixels("again.png"))
    assert not np.array_equal(pixels("out.png"), pixels("again.png"))


def test_replay_of_the_best_picture_before_the_numbers_broke(impasto):
    code, _, _ = impasto(
        *TRANSFER, "--solver", "adam", "--style-weight", "1e36", "-q", "--iterations", "12", "-o", "out.png"
    )
    assert code == 1
    assert impasto("replay", "out.png", "-q") == (0, "", "")


def test_replay_of_a_run_that_diverged_from_its_best_picture(impasto):
    diverging = ("--preset", "keras-example", "--encoder", "compact", "--style-weight", "1e-2", "--size", "96")
    code, _, _ = impasto(*TRANSFER, *diverging, "-q", "--iterations", "24", "-o", "out.png")
    assert code == 1
    record = json.loads(read_text("out.png")[KEYWORD])["result"]
    assert record["kept"] == "best"
    assert record["loss"] < 1e10  # that of the last step is 3.5e17
    code, said, _ = impasto("replay", "out.png", "-o", "again.png")
    assert (code, said.splitlines()[-1]) == (0, "result: the same")
    assert json.loads(read_text("again.png")[KEYWORD])["result"] == record


@pytest.mark.parametrize(("name", "bits"), [("out.png", "8"), ("out.png", "16"), ("out.tiff", "8"), ("out.tiff", "16")])
def test_replay_compares_the_pixels_of_the_file_itself(impasto, made, name, bits):
    made("--bits", bits, out=name)
    kept = read_text(name)
    save_image(load_image(name).pixels.flip(-1, -2), name, bits=int(bits), text=kept, force=True)
    code, said, _ = impasto("replay", name)
    assert code == 1
    assert said.splitlines()[-2:] == [f"{name}: its pixels are not those that were recorded.", "result: not the same"]


def test_replay_says_that_a_lossy_file_is_compared_by_its_record(impasto, made):
    made(out="out.jpg")
    assert "out.jpg: its format does not keep every pixel" in impasto("replay", "out.jpg")[1]


def test_replay_tells_that_a_picture_was_made_by_several_processes(impasto, made):
    record = made()
    assert record["made"]["processes"] == 1
    record["made"]["processes"] = 2
    save_image(load_image("out.png").pixels, "out.png", text={KEYWORD: json.dumps(record)}, force=True)
    assert "processes was 2, and is 1." in impasto("replay", "out.png")[1].splitlines()
    del record["made"]["processes"]  # as in older pictures
    save_image(load_image("out.png").pixels, "out.png", text={KEYWORD: json.dumps(record)}, force=True)
    assert "processes" not in impasto("replay", "out.png")[1]


def test_replay_tells_that_an_input_has_changed(impasto, made):
    made()
    picture("painting.png", 7)
    code, said, _ = impasto("replay", "out.png")
    assert code == 1
    assert said.splitlines() == [
        "content: photo.png is the same",
        "style: painting.png is not the same",
        "result: not the same",
    ]


def test_replay_finds_the_inputs_beside_the_picture_or_where_it_is_told(impasto, made, folder, monkeypatch):
    made()
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert impasto("replay", "../out.png", "-q")[0] == 0
    for name in ("photo.png", "painting.png", "out.png"):
        (folder / name).rename(elsewhere / f"a {name}")
    code, _, err = impasto("replay", "a out.png")
    assert code == 2
    assert "The content image photo.png is not in" in err
    assert impasto("replay", "a out.png", "a photo.png", "a painting.png", "-q") == (0, "", "")
    code, _, err = impasto("replay", "a out.png", "a photo.png", "a painting.png", "third.png")
    assert code == 2
    assert "leave out third.png" in err


@pytest.mark.parametrize("name", ["photo.png", "gone\u202e.png"])
def test_replay_shows_nothing_of_a_record_raw(impasto, made, name):
    hostile = "\x1b[31m\x07\u202e"

    def change(record):
        record["inputs"][0] |= {"role": hostile, "name": name}

    made()
    rewrite(change)
    _, said, err = impasto("replay", "out.png")
    assert not {"\x1b", "\x07", "\u202e"} & set(said + err)
    assert "\\x1b[31m\\x07\\u202e" in said + err


def test_replay_of_a_record_without_a_result(impasto, made):
    made()
    rewrite(lambda record: record.pop("result"))
    code, _, err = impasto("replay", "out.png")
    assert (code, err) == (2, "Error: out.png does not say what came out, so nothing can be compared.\n")


def rewrite(change):
    """Change the record in out.png."""
    with Image.open("out.png") as image:
        record, text = json.loads(image.info["impasto"]), PngImagePlugin.PngInfo()
        change(record)
        text.add_itxt("impasto", json.dumps(record))
        image.save("out.png", pnginfo=text)


def test_replay_of_a_record_of_another_format(impasto, folder):
    save_image(
        load_image("photo.png").pixels, "odd.png", text={KEYWORD: json.dumps({"task": "transfer", "format": 99})}
    )
    code, _, err = impasto("replay", "odd.png")
    assert code == 2
    assert "format 99" in err


def test_a_weight_file_of_ones_own_is_found_and_compared(impasto, made, folder, vgg_tensors):
    from safetensors.torch import save_file

    save_file(vgg_tensors(), "own.safetensors")
    record = made("--weights", "own.safetensors")
    assert record["encoders"] == [{"name": "own.safetensors", "sha256": file_hash("own.safetensors")}]
    assert "weights: own.safetensors is the same" in impasto("replay", "out.png")[1]
    Path("own.safetensors").unlink()
    assert "The weight file own.safetensors is not in" in impasto("replay", "out.png")[2]
