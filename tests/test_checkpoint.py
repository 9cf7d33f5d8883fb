"""Snapshots in files: they come back to the bit, the newest that is whole is found, and one process works at a time."""

import json
import os
import signal
import stat
import sys
from contextlib import closing
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import warm
from impasto.checkpoint import Checkpoints, Pace, pack, unpack
from impasto.checkpoint.snapshots import read_tensors, write_tensors
from impasto.engine import Snapshot, iterate
from impasto.errors import CheckpointError, UsageError
from impasto.objective import Evaluation
from impasto.schedule import Level
from impasto.solvers import LBFGS, SGD, Adam, Averaged, Clamped, InUnits, RMSprop

LEVELS = (Level(6, 8, 5), Level(12, 16, 6))
SOLVERS = (LBFGS(history=3), Averaged(Clamped(Adam())), InUnits(RMSprop(lr=2.0), 255.0), SGD(lr=0.01, decay=0.9))


class Waves:
    """Something smooth that no solver is done with in a few steps, of which each size has its own."""

    def evaluate(self, image):
        x = image.detach().requires_grad_(True)
        loss = ((x - 0.3) ** 4).sum() + 0.1 * torch.sin(7 * x).sum() + (x[..., 1:] - x[..., :-1]).square().sum()
        (grad,) = torch.autograd.grad(loss, x)
        return Evaluation(loss.detach(), grad, {"waves": loss.detach()})


class WavesProblem:
    def initial(self, level):
        return torch.linspace(0.1, 0.9, 3 * level.height * level.width).reshape(1, 3, level.height, level.width)

    def enlarged(self, image, level):
        return torch.nn.functional.interpolate(image, (level.height, level.width), mode="bicubic")

    def objective(self, level):
        return Waves()


def steps(solver, start=None):
    return list(iterate(WavesProblem(), solver, LEVELS, start))


@pytest.fixture
def checkpoints(tmp_path):
    made = Checkpoints.create(tmp_path / "run", {"task": "waves"})
    yield made
    made.close()


# Tensors and JSON ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", SOLVERS, ids=str)
def test_every_state_of_every_solver_comes_back_to_the_bit(solver):
    for step in steps(solver):
        packed = pack(step.snapshot)
        back = unpack(replace_tree(packed))
        assert type(back) is Snapshot
        again = pack(back)
        assert again.tree == packed.tree
        assert all(torch.equal(again.tensors[name], tensor) for name, tensor in packed.tensors.items())


def replace_tree(packed):
    """As it is read from a file: the tree through JSON, the tensors in the order of their memory."""
    from impasto.checkpoint.snapshots import Packed, order

    tensors = {name: tensor.permute(order(tensor)).contiguous() for name, tensor in packed.tensors.items()}
    return Packed(tensors, json.loads(json.dumps(packed.tree)))


def test_the_order_in_memory_comes_back_because_sums_depend_on_it():
    image = torch.rand(1, 3, 5, 7).contiguous(memory_format=torch.channels_last)
    back = unpack(replace_tree(pack(Snapshot(1, 0, image))))
    assert back.image.stride()[1:] == image.stride()[1:]
    assert torch.equal(back.image, image)


def test_a_tensor_that_occurs_twice_is_kept_once():
    last = steps(LBFGS())[3].snapshot
    assert last.best.image is last.state.point
    packed = pack(last)
    assert packed.bytes == sum({id(t): t.nbytes for t in packed.tensors.values()}.values())
    back = unpack(packed)
    assert back.best.image is back.state.point


def test_what_nobody_named_is_not_kept():
    with pytest.raises(TypeError, match="object cannot be kept"):
        pack(Snapshot(1, 0, torch.zeros(1), object()))


# The folder ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", SOLVERS, ids=str)
def test_from_every_step_on_a_run_goes_on_to_the_bit(solver, checkpoints):
    whole = steps(solver)
    for done, step in enumerate(whole, 1):
        checkpoints.write(step)
        kept, notes = checkpoints.newest()
        assert (kept.step["done"], notes) == (done, ())
        assert torch.equal(kept.image, step.image)
        rest = steps(solver, kept.snapshot)
        assert [each.done for each in rest] == list(range(done + 1, len(whole) + 1))
        for a, b in zip(rest, whole[done:], strict=True):
            assert torch.equal(a.image, b.image)
            assert a.terms == b.terms


def test_the_last_two_are_kept(checkpoints):
    for step in steps(Adam())[:5]:
        checkpoints.write(step)
    assert sorted(path.name for path in checkpoints.folder.iterdir()) == [
        "lock",
        "run.json",
        "snapshot-00000004.safetensors",
        "snapshot-00000005.safetensors",
    ]


@pytest.mark.parametrize("rest", [0, 1, 7, 100, 0.5, 0.99, -1], ids=lambda rest: f"{rest} left")
def test_of_a_file_that_was_cut_short_the_one_before_is_used(checkpoints, rest):
    whole = steps(LBFGS())
    for step in whole[:3]:
        checkpoints.write(step)
    newest = checkpoints.folder / "snapshot-00000003.safetensors"
    content = newest.read_bytes()
    newest.write_bytes(content[: int(rest * len(content)) if isinstance(rest, float) else rest])
    kept, notes = checkpoints.newest()
    assert kept.step["done"] == 2
    assert "snapshot-00000003.safetensors is damaged" in notes[0]
    assert torch.equal(steps(LBFGS(), kept.snapshot)[-1].image, whole[-1].image)
    checkpoints.write(whole[2])  # takes the place of the damaged one
    assert checkpoints.newest()[0].step["done"] == 3


def test_a_flipped_bit_is_noticed(checkpoints):
    for step in steps(LBFGS())[:3]:
        checkpoints.write(step)
    newest = checkpoints.folder / "snapshot-00000003.safetensors"
    content = bytearray(newest.read_bytes())
    content[-5] ^= 1
    newest.write_bytes(content)
    kept, notes = checkpoints.newest()
    assert kept.step["done"] == 2
    assert "checksum" in notes[0]


def test_without_any_whole_snapshot_it_says_so(checkpoints):
    assert checkpoints.newest() == (None, ())
    for step in steps(Adam())[:2]:
        checkpoints.write(step)
    for path in checkpoints.folder.glob("*.safetensors"):
        path.write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"No snapshot in .* can be read"):
        checkpoints.newest()


def test_a_run_that_has_ended_keeps_its_picture_and_no_solver(checkpoints):
    last = steps(LBFGS())[-1]
    checkpoints.write(last)
    kept, _ = checkpoints.newest()
    assert torch.equal(kept.snapshot.image, last.image)
    assert kept.snapshot.state is None
    assert steps(LBFGS(), kept.snapshot) == []


def test_one_process_at_a_time(checkpoints, tmp_path):
    with pytest.raises(UsageError, match="in use by another run"):
        Checkpoints.open(checkpoints.folder)
    checkpoints.close()
    Checkpoints.open(checkpoints.folder).close()


def test_a_folder_with_something_in_it_is_not_begun_anew(checkpoints):
    checkpoints.close()
    with pytest.raises(UsageError, match=r"not empty. Go on with the run in it \(impasto resume"):
        Checkpoints.create(checkpoints.folder, {})
    assert checkpoints.about()["task"] == "waves"


@pytest.mark.parametrize("name", ["holiday.jpg", "lock"])
def test_a_refused_folder_is_left_as_it_was(tmp_path, name):
    (tmp_path / "notes.txt").touch()
    (tmp_path / name).touch()
    with pytest.raises(UsageError, match="is not empty"):
        Checkpoints.create(tmp_path, {})
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["notes.txt", name])


def test_what_a_killed_process_left_unfinished_is_removed(checkpoints):
    """Of this impasto, of an earlier one, and of the safetensors that it wrote with."""
    checkpoints.write(steps(Adam())[0])
    checkpoints.close()
    whole = sorted(path.name for path in checkpoints.folder.iterdir())
    assert whole == ["run.json", "snapshot-00000001.safetensors"]
    for name in (".impasto-0123456789abcdef.tmp", ".snapshot-00000002-0a1b2c3d.tmp", ".tmpVHRV9z"):
        (checkpoints.folder / name).write_bytes(b"half")
    again = Checkpoints.open(checkpoints.folder)
    again.close()
    assert sorted(path.name for path in checkpoints.folder.iterdir()) == whole


def test_what_a_process_left_that_was_killed_as_it_began_is_removed(tmp_path):
    (tmp_path / ".impasto-0123456789abcdef.tmp").write_bytes(b"half")
    Checkpoints.create(tmp_path, {}).close()
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


KILLED = """
import resource, signal, sys
from pathlib import Path
from test_checkpoint import LBFGS, Checkpoints, steps
checkpoints, step = Checkpoints.open(Path(sys.argv[1])), steps(LBFGS())[-2]
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, 5_000))
checkpoints.write(step)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limits on file sizes there")
def test_a_process_killed_in_the_middle_of_a_snapshot_leaves_nothing_for_long(checkpoints):
    """The system kills it as its file grows beyond a limit."""
    checkpoints.close()
    killed = warm.run(["-c", KILLED, checkpoints.folder], cwd=Path(__file__).parent)
    assert killed.returncode == -signal.SIGXFSZ
    assert len(list(checkpoints.folder.iterdir())) == 3  # run.json, the lock, a part of the snapshot
    Checkpoints.open(checkpoints.folder).close()
    assert [path.name for path in checkpoints.folder.iterdir()] == ["run.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="no umask there")
def test_permissions_follow_the_umask(checkpoints):
    before = os.umask(0o027)
    try:
        checkpoints.write(steps(Adam())[0])
    finally:
        os.umask(before)
    path = checkpoints.folder / "snapshot-00000001.safetensors"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize("kind", [torch.float64, torch.float32, torch.bfloat16, torch.int64, torch.uint8, torch.bool])
def test_files_are_safetensors_files(tmp_path, kind):
    tensors = {
        "odd": torch.tensor([1, 0, 1], dtype=torch.uint8),
        "all": torch.arange(6).reshape(2, 3).to(kind),
        "one": torch.tensor(1).to(kind),
        "none": torch.zeros(0, 2, dtype=kind),
    }
    write_tensors(tmp_path / "file", tensors, {"of": "waves"})
    theirs = load_file(tmp_path / "file")
    ours, about = read_tensors(tmp_path / "file")
    assert about["of"] == "waves"
    for read in (theirs, ours):
        assert read.keys() == tensors.keys()
        assert all(
            torch.equal(read[name], tensor) and read[name].dtype == tensor.dtype for name, tensor in tensors.items()
        )


def test_a_folder_without_a_run(tmp_path):
    with pytest.raises(CheckpointError, match="There is no run in"):
        Checkpoints.open(tmp_path)


@pytest.mark.parametrize("content", ["", "[]", '{"format": 99}'])
def test_a_description_that_cannot_be_used(checkpoints, content):
    (checkpoints.folder / "run.json").write_text(content)
    with pytest.raises(CheckpointError):
        checkpoints.about()


def test_a_file_in_the_place_of_the_folder(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(CheckpointError, match="No checkpoint can be written into"):
        Checkpoints.create(tmp_path / "file", {})


def test_what_was_kept_unasked_goes_without_a_trace(checkpoints):
    checkpoints.write(steps(Adam())[0])
    checkpoints.note("result", {"path": "out.png"})
    checkpoints.remove()
    assert not checkpoints.folder.exists()


# When ---------------------------------------------------------------------------------------------------------------


def test_a_snapshot_is_due_at_the_end_of_each_level():
    pace = Pace(interval=1e9)
    assert [step.done for step in steps(Adam()) if pace.due(step)] == [5, 11]


def test_in_between_a_snapshot_is_due_as_often_as_its_cost_allows():
    step = steps(Adam())[0]
    now = 1000.0
    pace = Pace(interval=10, share=0.02, clock=lambda: now)
    assert not pace.due(step)
    now += 10.1
    assert pace.due(step)  # a small one costs nothing
    pace.wrote(pack(step.snapshot).bytes, 1.0)
    now += 49
    assert not pace.due(step)
    now += 2
    assert pace.due(step)  # 1 second in 50


def test_the_first_snapshot_is_due_early():
    step, now = steps(Adam())[0], 1000.0
    pace = Pace(interval=60, first=10, clock=lambda: now)
    now += 9
    assert not pace.due(step)
    now += 2
    assert pace.due(step)
    pace.wrote(pack(step.snapshot).bytes, 0.001)
    now += 59
    assert not pace.due(step)
    now += 2
    assert pace.due(step)


def test_a_description_of_an_earlier_impasto_is_told(tmp_path):
    (tmp_path / "run.json").write_text('{"format": 1}')
    with closing(Checkpoints.open(tmp_path)) as folder, pytest.raises(CheckpointError, match="of an earlier impasto"):
        folder.about()


def test_a_snapshot_for_which_there_is_no_memory_is_not_taken_for_damaged(checkpoints, monkeypatch):
    for step in steps(LBFGS(history=3))[:2]:
        checkpoints.write(step)
    there = sorted(checkpoints.folder.iterdir())
    problem = MemoryError()

    def read(path, device):
        raise problem

    monkeypatch.setattr("impasto.checkpoint.folder.read_snapshot", read)
    with pytest.raises(MemoryError):
        checkpoints.newest()
    assert sorted(checkpoints.folder.iterdir()) == there
