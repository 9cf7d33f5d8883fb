"""Processes that die at any moment, disks that fill up, files that are cut short: what was kept goes on to the bit."""

import json
import os
import random
import resource
import signal
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import warm
from impasto import presets
from impasto.cli import main
from impasto.session.destination import Series

COMMAND = "from impasto.cli import main; main()"
LONG = ("transfer", "photo.png", "painting.png", "--preset", "fast", "--size", "256", "--iterations", "30")  # 18, 12
KEPT = (*LONG, "-o", "out.png", "--checkpoint", "kept")


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    """A folder with a photograph, a painting, and calm.png, which nobody disturbed."""
    base = tmp_path_factory.mktemp("material")
    for seed, name in enumerate(("photo.png", "painting.png")):
        noise = np.random.default_rng(seed).normal(128, 40, (12, 16, 3)).clip(0, 255).astype(np.uint8)
        Image.fromarray(noise).resize((160, 120), Image.Resampling.BICUBIC).save(base / name)
    before, folder = torch.get_num_threads(), Path.cwd()
    torch.set_num_threads(1)
    os.chdir(base)
    assert status(*LONG, "-q", "-o", "calm.png") == 0
    os.chdir(folder)
    yield base
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def folder(material, tmp_path, monkeypatch):
    """An own folder with the material; one thread, here and in processes that are started."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for path in material.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


@pytest.fixture
def impasto(capsys):
    """impasto(*arguments): run the command in this process; returns (exit code, standard output, standard error)."""

    def run(*arguments):
        code = status(*arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def stopped(impasto, monkeypatch):
    """stopped(done, *arguments): the command, stopped by Ctrl-C after so many evaluations."""

    def run(done, *arguments):
        with monkeypatch.context() as patched:
            patched.setattr(Series, "due", lambda _, step: step.done == done and signal.raise_signal(2))
            code, out, err = impasto(*arguments)
        assert code == 130
        return out, err

    return run


def status(*arguments):
    with pytest.raises(SystemExit) as left:
        main(arguments)
    return left.value.code


def started(*arguments, before=""):
    return warm.Popen(["-c", before + COMMAND, *arguments], stdout=warm.PIPE, stderr=warm.PIPE, text=True)


def ended_after(done, signal_number, *arguments, before=""):
    """A process that is sent a signal once it has done so many evaluations: its exit code and all its records.

    `before` is code that it runs first.
    """
    with started(*arguments, "--json", before=before) as process:
        records = []
        for text in process.stdout:
            records.append(json.loads(text))
            if records[-1].get("done") == done:
                process.send_signal(signal_number)
        return process.wait(timeout=60), records


def same_as_undisturbed():
    return Path("out.png").read_bytes() == Path("calm.png").read_bytes()


def snapshots():
    return sorted(path.name for path in Path("kept").glob("snapshot*"))


# Processes that die -------------------------------------------------------------------------------------------------


def test_twenty_deaths_at_random_moments_change_nothing():
    script = Path(__file__).with_name("life_and_death.py")
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # a slow disk is not what is tested
    with tempfile.TemporaryDirectory(dir=memory) as base:
        output = warm.run([script, base, "20", "1"], capture_output=True, text=True, timeout=200)
    assert output.returncode == 0, output.stderr
    told = json.loads(output.stdout)
    assert len(told["moments"]) == 20
    assert len(set(told["moments"])) > 10
    assert told["moments"] == sorted(told["moments"])
    assert told["notes"] == []  # no snapshot was ever unreadable
    assert told["hard"] == told["calm"]


def test_the_command_killed_twice_and_resumed_gives_the_same_file(impasto):
    code, _ = ended_after(22, signal.SIGKILL, *KEPT)
    assert (code, snapshots()) == (-9, ["snapshot-00000015.safetensors"])
    code, records = ended_after(20, signal.SIGKILL, "resume", "kept")
    assert (code, records[1]["done"]) == (-9, 16)
    assert not Path("out.png").exists()
    assert impasto("resume", "kept", "-q") == (0, "", "")
    assert same_as_undisturbed()
    assert impasto("resume", "kept", "-q") == (0, "", "")  # it has ended: the picture is there at once
    assert same_as_undisturbed()


def test_ended_before_anything_was_kept_it_begins_again(impasto, stopped):
    stopped(4, *KEPT)
    for path in (*Path("kept").glob("snapshot*"), Path("kept/written.json"), Path("out.png")):
        path.unlink()
    assert impasto("resume", "kept", "-q") == (0, "", "")
    assert same_as_undisturbed()


def test_sigterm_is_like_ctrl_c(impasto):
    code, records = ended_after(7, signal.SIGTERM, *KEPT)
    last = records[-1]
    assert (code, last["event"], last["interrupted"], last["resume"]) == (130, "saved", True, "kept")
    assert snapshots() == [f"snapshot-{last['done']:08}.safetensors"]
    with Image.open("out.png") as image:
        assert image.size == (256, 192)
    code, out, _ = impasto("resume", "kept", "--json")
    done = [record["done"] for record in map(json.loads, out.splitlines()) if record["event"] == "step"]
    assert (code, done) == (0, list(range(last["done"] + 1, 31)))
    assert same_as_undisturbed()  # the picture of the stop was the run's own to overwrite


TUTORIAL = ("transfer", "photo.png", "painting.png", "--preset", "tutorial", "--encoder", "compact", "--size", "48")


MILESTONES_AT_100 = """
from dataclasses import replace
from impasto import presets
tutorial = presets.PRESETS["tutorial"]
presets.PRESETS = {**presets.PRESETS, "tutorial": replace(tutorial, milestones=replace(tutorial.milestones, every=100))}
"""


def test_killed_after_a_milestone_the_run_writes_its_own_picture_again_and_no_other(impasto, monkeypatch):
    monkeypatch.setattr(presets, "PRESETS", presets.PRESETS)  # as it was, in the end
    exec(MILESTONES_AT_100, {})
    arguments = (*TUTORIAL, "--iterations", "200", "-o", "out.png", "--checkpoint", "kept")
    code, _ = ended_after(110, signal.SIGKILL, *arguments, before=MILESTONES_AT_100)
    assert code == -9
    for path in Path("kept").glob("snapshot*"):
        path.unlink()  # so that the run goes on from its very start
    first = Path("epoch100.png").read_bytes()
    Path("epoch100.png").write_bytes(Path("photo.png").read_bytes())
    code, _, err = impasto("resume", "kept", "-q")
    assert code == 2
    assert "epoch100.png exists already" in err
    Path("epoch100.png").write_bytes(first)
    assert impasto("resume", "kept", "-q") == (0, "", "")
    assert Path("epoch100.png").read_bytes() == first
    assert Path("epoch200.png").exists()


def test_a_resumed_run_saves_its_pictures_on_the_way_as_before(impasto, stopped):
    code, _ = ended_after(22, signal.SIGKILL, *KEPT, "--save-every", "7")
    assert code == -9
    Path("out-0021.png").unlink()
    assert impasto("resume", "kept", "-q") == (0, "", "")
    assert sorted(path.name for path in Path().glob("out*")) == [
        *(f"out-{done:04}.png" for done in (7, 14, 21, 28)),
        "out.png",
    ]
    assert same_as_undisturbed()


# Disks and files ----------------------------------------------------------------------------------------------------


@pytest.fixture
def full_disk():
    """As a disk that is full: the snapshot of the first level can be written, the larger ones of the second cannot."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, before[1]))
    yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, before)
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_told_and_neither_ends_the_run_nor_harms_what_is_kept(impasto, stopped, full_disk):
    _, err = stopped(28, *KEPT)
    full_disk()  # no longer
    assert err.count("Note: No checkpoint can be written into kept: ") == 1
    files = sorted(path.name for path in Path("kept").iterdir())
    assert files == ["run.json", "snapshot-00000015.safetensors", "written.json"]
    assert impasto("resume", "kept", "-q") == (0, "", "")
    assert same_as_undisturbed()


def test_the_newest_file_cut_short_costs_only_its_steps(impasto, stopped):
    stopped(23, *KEPT)
    assert snapshots() == ["snapshot-00000015.safetensors", "snapshot-00000023.safetensors"]
    newest = Path("kept/snapshot-00000023.safetensors")
    newest.write_bytes(newest.read_bytes()[: random.Random(1).randrange(newest.stat().st_size)])
    code, _, err = impasto("resume", "kept")
    assert code == 0
    assert f"Note: {newest} is damaged" in err
    assert "the one before it is used" in err
    assert same_as_undisturbed()


# Going on -----------------------------------------------------------------------------------------------------------


def test_a_stopped_run_says_how_to_go_on(impasto, stopped, folder, monkeypatch):
    _, err = stopped(4, *KEPT)
    assert err.endswith("the picture so far is in out.png\nGo on with: impasto resume kept\n")
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    assert impasto("resume", "../kept", "-q") == (0, "", "")  # it finds its files, and its result its place
    monkeypatch.chdir(folder)
    assert same_as_undisturbed()


def test_somebody_elses_file_is_not_overwritten(impasto, stopped):
    stopped(4, *KEPT)
    Path("out.png").write_bytes(Path("photo.png").read_bytes())
    code, _, err = impasto("resume", "kept")
    assert code == 2
    assert "out.png exists already" in err
    assert impasto("resume", "kept", "-q", "-o", "other.png") == (0, "", "")


def test_an_input_that_has_changed_or_is_gone_is_told_with_the_remedy(impasto, stopped):
    stopped(19, *KEPT)
    Image.new("RGB", (160, 120), "red").save("painting.png")
    code, _, err = impasto("resume", "kept")
    assert code == 2
    assert "The style image painting.png has changed since the run began. Put it back as it was" in err
    code, said, err = impasto("resume", "kept", "--iterations", "2", "--strength", "0.9")
    assert code == 0
    assert "Note: The style image painting.png has changed." in err
    assert said.startswith("Wrote out-2.png in ")
    Path("photo.png").unlink()
    code, _, err = impasto("resume", "kept")
    assert code == 2
    assert "The content image photo.png is not in this folder" in err


def test_a_run_goes_on_where_its_inputs_have_moved(impasto, stopped):
    before = Path("painting.png").read_bytes()
    stopped(19, *KEPT)
    Path("moved").mkdir()
    for name in ("photo.png", "painting.png"):
        Path(name).rename(Path("moved") / name)
    assert impasto("resume", "kept")[0] == 2
    inputs = "moved/photo.png", "moved/painting.png"
    code, _, err = impasto("resume", "kept", *inputs, "-o", inputs[1], "--force")
    assert code == 2 and "never overwritten" in err
    assert impasto("resume", "kept", *inputs, "-q") == (0, "", "")
    assert same_as_undisturbed() and Path(inputs[1]).read_bytes() == before


def test_a_change_begins_a_new_run_with_the_picture_that_is_there(impasto):
    assert impasto(*KEPT, "-q")[0] == 0
    before = Path("out.png").read_bytes()
    changes = ("--size", "320", "--strength", "0.7", "--iterations", "4")
    code, said, err = impasto("resume", "kept", *changes, "--checkpoint", "larger")
    assert code == 0
    assert "level 1/1 320x240  4/4" in err  # 256 is smaller than 320: nothing coarser is done again
    assert said.startswith("Wrote out-2.png in ")
    assert Path("out.png").read_bytes() == before
    with Image.open("out-2.png") as image:
        assert image.size == (320, 240)
    assert impasto("replay", "out-2.png", "-q")[0] == 0
    assert impasto("resume", "larger", "--iterations", "2", "-q")[0] == 0
    assert impasto("replay", "out-3.png", "-q")[0] == 0


def test_what_a_task_does_not_have_cannot_be_changed(impasto):
    assert impasto("texture", "painting.png", "--iterations", "2", "-q", "-o", "t.png", "--checkpoint", "kept")[0] == 0
    code, _, err = impasto("resume", "kept", "--strength", "0.7")
    assert code == 2
    assert "The run is a texture, which has no strength" in err
    assert impasto("resume", "kept", "--size", "192x64", "--iterations", "2", "-q")[0] == 0
    with Image.open("t-2.png") as image:
        assert image.size == (192, 64)


def test_a_long_run_is_kept_unasked_beside_its_result_until_it_has_ended(impasto, stopped, monkeypatch):
    monkeypatch.setattr("impasto.session.keeping.LONG", 0.0)
    monkeypatch.setattr("impasto.session.keeping._JUDGED", 0.0)
    _, err = stopped(20, *LONG, "-o", "out.png")
    assert "if it is stopped, `impasto resume out.impasto` goes on with it." in err
    assert "Go on with: impasto resume out.impasto" in err
    code, _, _ = impasto(*LONG, "-o", "out.png", "--force", "-q")
    assert code == 0
    assert sorted(path.name for path in Path.cwd().glob("*.impasto")) == ["out.impasto"]  # the older one stays
    assert impasto("resume", "out.impasto", "-q", "-o", "again.png") == (0, "", "")
    assert Path("again.png").read_bytes() == Path("calm.png").read_bytes()
    assert not Path("out.impasto").exists()
