"""What can be known beforehand: `impasto plan` and `impasto bench`."""

import json
import re

import pytest


def records(out):
    return [json.loads(line) for line in out.splitlines()]


def test_plan_tells_each_size_without_a_picture(impasto):
    status, out, _ = impasto("plan", "--sizes", "128,256", "--preset", "fast", "--json")
    found = records(out)
    assert status == 0
    assert [(each["width"], each["height"]) for each in found] == [(128, 96), (256, 192)]
    assert all(0 < each["run_memory_bytes"] < each["memory_bytes"] < 10**10 for each in found)
    for each in found:
        assert each["seconds"] == pytest.approx(sum(level["seconds"] for level in each["levels"]))
        assert each["evaluations"] == sum(level["evaluations"] for level in each["levels"])
        assert {"size", "memory", "time"}.isdisjoint(each), "these are words"


def test_plan_tells_people_in_words(impasto, untimed):
    _, out, _ = impasto("plan", "--sizes", "96")
    assert re.search(
        r"    96x72  about [\d.]+ s, whole, about [\d.]+ [MG]B, \d+ MB of it for the run: 96x72 \(47\)", out
    )


def test_plan_tells_how_memory_is_kept(impasto, untimed):
    status, out, _ = impasto("plan", "--sizes", "3072", "--memory", "6GB", "--dtype", "float32", "--preset", "fast")
    assert status == 0
    assert "tiles of" in out


def test_plan_of_what_cannot_be_says_what_could(impasto):
    status, _, err = impasto("plan", "--sizes", "8192", "--memory", "500MB")
    assert status == 2
    assert "at least" in err
    assert "--size" in err


def test_plan_tells_the_sizes_that_can_be_beside_one_that_cannot(impasto, untimed):
    status, out, err = impasto("plan", "--sizes", "16384,96,32768", "--memory", "3GB", "--preset", "fast")
    assert status == 2
    assert out.startswith("preset") and "96x72  about" in out
    assert "16384x12288 pixels take at least" in err


def test_bench_measures_ceilings_and_evaluations(impasto):
    status, out, _ = impasto("bench", "--sizes", "64", "--json")
    found = records(out)
    assert status == 0
    ceilings = {each["work"] for each in found if each["event"] == "ceiling"}
    assert ceilings == {"convolution", "matrix product"}
    evaluations = [each for each in found if each["event"] == "evaluation" and each["dtype"] == "float32"]
    assert [each["encoder"] for each in evaluations] == ["compact", "vgg19"]
    for each in evaluations:
        assert (each["width"], each["height"]) == (64, 48)
        assert 0 < each["share"] < 1.5
    assert evaluations[0]["bytes_per_pixel"] < 800
    assert evaluations[1]["bytes_per_pixel"] > 1000


@pytest.mark.parametrize("sizes", ["", "0", "12,x", "-5"])
@pytest.mark.parametrize("command", ["plan", "bench"])
def test_sizes_are_whole_numbers(command, sizes, impasto):
    status, _, err = impasto(command, "--sizes", sizes)
    assert status == 2
    assert "512,1024" in err
