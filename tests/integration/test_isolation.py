"""Several runs at once, and homes that nothing can be written to."""

import os
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import warm
from impasto.cli import main
from impasto.errors import UsageError
from impasto.files import reserved, reserved_new


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An own folder with a photograph."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    levels = np.random.default_rng(1).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(levels).save("photo.png")
    return tmp_path


def test_two_runs_at_once_in_one_folder_without_a_home_make_two_pictures(folder):
    nowhere = {"HOME": "/proc/home", "XDG_CACHE_HOME": "/proc/cache"}  # not even root can write there
    arguments = ("transfer", "photo.png", "swatch:mosaic", "--preset", "fast", "--iterations", "20", "-q")
    runs = [
        warm.Popen(["-m", "impasto", *arguments], env=os.environ | nowhere, stderr=warm.PIPE, text=True)
        for _ in range(2)
    ]
    for run in runs:
        assert run.communicate(timeout=120)[1] == ""
        assert run.returncode == 0
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["photo-mosaic-2.png", "photo-mosaic.png", "photo.png"]
    first, second = (Image.open(name) for name in names[:2])
    assert first.tobytes() == second.tobytes()


def test_names_found_at_the_same_moment_are_different():
    start, done, names = threading.Barrier(8), threading.Barrier(8), []

    def claim():
        start.wait()
        with reserved_new(Path("out.png")) as path:
            names.append(path.name)
            done.wait()
            path.write_text("mine")

    claims = [threading.Thread(target=claim) for _ in range(8)]
    for each in claims:
        each.start()
    for each in claims:
        each.join()
    assert sorted(names) == sorted(["out.png", *(f"out-{number}.png" for number in range(2, 9))])
    assert sorted(path.name for path in Path().iterdir()) == sorted([*names, "photo.png"])  # no lock is left


def test_a_name_that_was_asked_for_has_one_run(capsys):
    with reserved(Path("out.png")):
        with pytest.raises(UsageError), reserved(Path("out.png")):
            pass
        with pytest.raises(SystemExit) as left:
            main(["transfer", "photo.png", "swatch:mosaic", "-o", "out.png"])
        assert left.value.code == 2
        assert "out.png is being made by another run" in capsys.readouterr().err
    with reserved(Path("out.png")):
        pass


def test_the_lock_of_a_run_that_was_killed_does_not_bind(folder):
    (folder / ".out.png.lock").touch()
    with reserved_new(Path("out.png")) as path:
        assert path == Path("out.png")


def test_two_runs_do_not_share_a_checkpoint(capsys):
    from impasto.checkpoint import Checkpoints

    held = Checkpoints.create(Path("kept"), {"task": "transfer"})
    for arguments in (("resume", "kept"), ("transfer", "photo.png", "swatch:mosaic", "--checkpoint", "kept")):
        with pytest.raises(SystemExit) as left:
            main(arguments)
        assert left.value.code == 2
        assert "kept is in use by another run" in capsys.readouterr().err
    held.close()
