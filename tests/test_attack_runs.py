"""What is done to a run's files: bits that flip, folders that move or cannot be written, names that are taken."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import warm
from impasto.checkpoint import Checkpoints, folder, seal
from impasto.errors import CheckpointError
from impasto.files import Lock
from impasto.images import load_image, read_text
from impasto.record import KEYWORD
from impasto.session import Destination, Failed, Note, Saved, Session, Stepped
from impasto.session.keeping import About

QUICK = ("--preset", "fast", "--size", "48", "--iterations", "4", "-q")
MAKE = ("transfer", "photo.png", "sub/painting.png", *QUICK, "-o", "out.png")


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """A folder `project` with a photograph, and a painting in a folder of its own."""
    (tmp_path / "project/sub").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project")
    for seed, name in enumerate(("photo.png", "sub/painting.png")):
        levels = np.random.default_rng(seed).normal(128, 40, (40, 48, 3)).clip(0, 255)
        Image.fromarray(levels.astype(np.uint8)).save(name)
    return tmp_path / "project"


def record(name="out.png"):
    return json.loads(read_text(name)[KEYWORD])


# Checkpoints --------------------------------------------------------------------------------------------------------


@pytest.fixture
def kept(impasto):
    """The folder of a run that has ended, with its result."""
    assert impasto(*MAKE, "--checkpoint", "kept")[0] == 0
    return Path("kept")


def state_of(path):
    """Everything that is read of a checkpoint."""
    checkpoints = Checkpoints.open(path)
    try:
        newest, _ = checkpoints.newest()
        assert newest
        tensors = [each.numpy().tobytes() for each in (newest.image, newest.snapshot.image)]
        return About.of(checkpoints), newest.step, tensors, newest.snapshot.losses, checkpoints.noted("written")
    finally:
        checkpoints.close()


def test_no_flipped_bit_of_any_file_is_taken_for_another_state(kept):
    whole, chance = state_of(kept), random.Random(3)
    files = {path: path.read_bytes() for path in sorted(kept.iterdir())}
    assert [path.suffix for path in files] == [".json", ".safetensors", ".json"]
    for path, content in files.items():
        headers = range(min(len(content), 5000) * 8)  # where more than numbers stands
        for bit in chance.sample(headers, 60):
            changed = bytearray(content)
            changed[bit // 8] ^= 1 << bit % 8
            path.write_bytes(changed)
            if path.name == "written.json":  # then no file is taken for the run's own
                assert state_of(kept)[-1] == {}
            else:
                with pytest.raises(CheckpointError):
                    state_of(kept)
            for name, before in files.items():
                name.write_bytes(before)
    assert state_of(kept) == whole


@pytest.mark.parametrize(
    "change",
    [
        {"record": []},
        {"record": {"format": "2"}},
        {"folder": 5},
        {"output": None},
        {"bits": "8"},
        {"exif": ["safe"]},
        {"save_every": -1},
        {"asked": 1},
        {"places": "here"},
        {"format": [1]},
    ],
    ids=str,
)
def test_a_description_with_wrong_types_is_told_plainly(kept, impasto, change):
    checkpoints = Checkpoints.open(kept)
    checkpoints.note("run", checkpoints.about() | change)
    checkpoints.close()
    code, _, err = impasto("resume", "kept")
    assert code in (1, 2)
    assert err.startswith("Error: ") and "not expected" not in err


@pytest.mark.parametrize("tree", ["[1, 2]", '[{"class": "Best", "fields": {}}, 1]', '{"class": "Path"}', "[[[]]]"])
def test_a_snapshot_of_something_else_is_damaged(kept, impasto, tree):
    from impasto.checkpoint.snapshots import read_tensors, write_tensors

    path = next(kept.glob("snapshot*"))
    tensors, about = read_tensors(path)
    path.unlink()
    write_tensors(path, tensors, about | {"tree": json.loads(tree)})
    code, _, err = impasto("resume", "kept")
    assert code == 1
    assert "No snapshot in kept can be read" in err


def test_a_folder_that_cannot_be_read_is_told(impasto, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_file", refuse)
    assert impasto("resume", "kept")[2].startswith("Error: The run in kept cannot be read: Permission denied.")


def test_a_checkpoint_that_cannot_be_written_is_branched(kept, impasto, monkeypatch):
    """As on a disk that is mounted to be read: the lock cannot be made."""

    class NoLock(Lock):
        def __init__(self, path, patience=0.0):
            if path.parent.name == "kept":
                raise OSError(30, "Read-only file system")
            super().__init__(path, patience)

    monkeypatch.setattr(folder, "Lock", NoLock)
    before = {path: path.read_bytes() for path in kept.iterdir()}
    assert impasto("resume", "kept", "--strength", "0.9", "--iterations", "2", "-q", "-o", "z.png")[0] == 0
    assert {path: path.read_bytes() for path in kept.iterdir()} == before
    code, _, err = impasto("resume", "kept")
    assert (code, "Read-only file system" in err) == (1, True)


def test_a_seal_is_looked_for_in_the_first_bytes_alone(tmp_path):
    (tmp_path / "file").write_bytes(bytes(99) + seal.sealed(b'{"crc32": "00000000"}'))
    with pytest.raises(ValueError, match="no checksum"):
        seal.check_seal(tmp_path / "file")


# Places -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("begun_in_full", [True, False])
def test_a_moved_project_goes_on(kept, impasto, project, monkeypatch, begun_in_full):
    first = Path("out.png").read_bytes()
    Path("out.png").unlink()
    moved = project.rename(project.with_name("moved"))
    monkeypatch.chdir(moved if begun_in_full else moved.parent)
    assert impasto("resume", str(moved / "kept"), "-q") == (0, "", "")
    assert (moved / "out.png").read_bytes() == first


def test_what_lies_in_the_current_folder_is_found_if_it_is_the_same(kept, impasto, project, monkeypatch):
    (project.parent / "here").mkdir()
    monkeypatch.chdir(project.parent / "here")
    shutil.move(project / "sub/painting.png", "painting.png")
    shutil.copy(project / "photo.png", project / "sub/painting.png")  # another file under the old name
    assert impasto("resume", "../project/kept", "-q", "-o", "out.png") == (0, "", "")
    assert Path("out.png").read_bytes() == (project / "out.png").read_bytes()


def test_a_new_run_records_names_and_no_paths(kept, impasto, project, monkeypatch):
    monkeypatch.chdir("/")
    out, state = project.parent / "z.png", project.parent / "state"
    changes = ("--strength", "0.9", "--iterations", "2", "-q")
    assert impasto("resume", str(project / "kept"), *changes, "-o", str(out), "--checkpoint", str(state))[0] == 0
    assert [each["name"] for each in record(out)["inputs"]] == ["photo.png", "sub/painting.png"]
    assert str(project.parent).strip("/") not in read_text(out)[KEYWORD]
    before = out.read_bytes()
    assert impasto("resume", str(state), "-q") == (0, "", "")  # which still finds them
    assert out.read_bytes() == before


def test_a_picture_of_standard_input_is_known_by_its_pixels(impasto, monkeypatch):
    with Path("photo.png").open("rb") as photo:
        warm.run(["-m", "impasto", *MAKE[:1], "-", *MAKE[2:]], stdin=photo, check=True)
    Path("copy.tif").touch()
    Image.open("photo.png").save("copy.tif")  # another file with the same pixels
    assert "content: copy.tif is the same\n" in impasto("replay", "out.png", "copy.tif", "sub/painting.png")[1]
    code, said, _ = impasto("replay", "out.png", "sub/painting.png", "sub/painting.png")
    assert code == 1
    assert "content: sub/painting.png is not the same\n" in said


def test_a_name_outside_is_looked_for_here_and_beside_the_picture_alone(impasto, project, monkeypatch):
    """Absolute names, and those of the folder above, may be anything's: only their last part is looked for."""
    (project / "in").mkdir()
    monkeypatch.chdir("in")
    absolute = ("transfer", str(project / "photo.png"), "../sub/painting.png", *QUICK, "-o", "out.png")
    assert impasto(*absolute)[0] == 0
    code, _, err = impasto("replay", "out.png")
    assert code == 2
    assert "The content image photo.png is not in this folder" in err
    shutil.copy(project / "photo.png", ".")
    shutil.copy(project / "sub/painting.png", ".")
    assert impasto("replay", "out.png", "-q")[0] == 0


def test_replay_keeps_the_bits(impasto):
    assert impasto(*MAKE, "--bits", "16")[0] == 0
    assert impasto("replay", "out.png", "-q", "-o", "again.png")[0] == 0
    assert Path("again.png").read_bytes() == Path("out.png").read_bytes()
    assert impasto("replay", "out.png", "-q", "-o", "again.jpg")[0] == 0  # which has eight


# Saving -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def run(uniform):
    """run(): five evaluations of a small transfer."""
    from impasto import prepare

    pictures = uniform(1, 3, 40, 48).float(), [uniform(1, 3, 48, 40).float()]
    return lambda: prepare(*pictures, size=48, iterations=5, dtype="float32")


@pytest.mark.parametrize("left", ["here", "checkpoint", "home", None])
def test_a_picture_that_cannot_be_written_has_places_of_last_resort(run, monkeypatch, tmp_path, left):
    """The result's folder is gone in the end; of the others, all before `left` cannot be written."""
    for name in ("here", "out", "home"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    session = Session(run(), Destination(tmp_path / "out/out.png", checkpoint=str(tmp_path / "kept")))

    def show(event):
        if isinstance(event, Stepped) and event.step.last:
            shutil.rmtree(tmp_path / "out")
            for name in ("here", "checkpoint", "home"):
                if name == left:
                    break
                with suppress(OSError):
                    (tmp_path / name).rename(tmp_path / f"no-{name}")
            if left in ("home", None):
                shutil.rmtree(tmp_path / "kept")
            if left != "here":
                (tmp_path / "no-here").rmdir()

    outcome = session.carry_out(show)
    assert isinstance(outcome, Failed)
    assert outcome.checkpoint == tmp_path / "kept"
    if left is None:
        assert outcome.path is None
        return
    assert outcome.path.absolute().parent == tmp_path / {"checkpoint": "kept"}.get(left, left)
    assert load_image(outcome.path).pixels.shape == (1, 3, 40, 48)


def test_the_command_tells_where_the_picture_is_and_how_to_go_on(impasto, monkeypatch, tmp_path):
    def full(self, run, result):
        if self.path.name == "out.png":
            raise OSError(28, "No space left on device")
        save(self, run, result)

    save = Destination.save
    monkeypatch.setattr(Destination, "save", full)
    code, _, err = impasto(*MAKE, "--checkpoint", "kept")
    assert code == 1
    assert "The picture is in " in err and "Go on with: impasto resume kept" in err


def test_a_full_disk_on_the_way_is_told_and_the_run_goes_on(run, monkeypatch):
    def full(self, run, result):
        if self.path.name != "out.png":
            raise OSError(28, "No space left on device")
        save(self, run, result)

    save, notes = Destination.save, []
    monkeypatch.setattr(Destination, "save", full)
    outcome = Session(run(), Destination(Path("out.png"), save_every=2)).carry_out(
        lambda event: notes.append(event.text) if isinstance(event, Note) else None
    )
    assert isinstance(outcome, Saved)
    assert len(notes) == 2 and all("The run goes on without." in note for note in notes)


def test_a_checkpoint_that_nobody_asked_for_does_not_end_a_run(run, monkeypatch):
    """y.png and y.jpg at once: the other one has taken the folder meanwhile."""
    monkeypatch.setattr("impasto.session.keeping.LONG", 0.0)
    monkeypatch.setattr("impasto.session.keeping._JUDGED", 0.0)
    monkeypatch.setattr("impasto.session.keeping.unused", lambda path: path)
    other = Checkpoints.create(Path("y.impasto"), {})
    notes = []
    outcome = Session(run(), Destination(Path("y.jpg"))).carry_out(
        lambda event: notes.append(event.text) if isinstance(event, Note) else None
    )
    other.close()
    assert isinstance(outcome, Saved)
    assert [note for note in notes if "in use by another run" in note and "goes on without" in note] == notes != []


def test_what_cannot_be_written_is_noticed_before_the_work(impasto):
    assert "cannot be both" in impasto(*MAKE, "--checkpoint", "./out.png")[2]
    Path("out.png").symlink_to("nowhere/at-all.png")
    code, _, err = impasto(*MAKE)
    assert (code, "cannot be written: there is no folder" in err) == (2, True)
    Path("nowhere").mkdir()
    assert impasto(*MAKE)[0] == 0  # through the link
    assert Path("nowhere/at-all.png").is_file()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device there")
def test_where_the_picture_is_is_told_though_it_cannot_be_passed_on(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with Path("/dev/full").open("w") as full:
        ended = warm.run(["-m", "impasto", *MAKE[:-1], "-"], stdout=full, stderr=warm.PIPE, text=True)
    (left,) = tmp_path.glob("impasto-*/*")
    assert ended.returncode == 1
    assert f"No space left on device. The picture is in {left} instead." in ended.stderr
