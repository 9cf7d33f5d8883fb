"""Several processes make the picture that one makes: objective, solvers, runs and the command."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import nullcontext

import pytest
import torch
import torch.distributed as dist

import warm
from impasto import load_image
from impasto.distributed import Processes, processes
from impasto.errors import PartError, TeamError, UsageError

PROGRAM = """
import sys, torch
from impasto.distributed import processes
sys.path.insert(0, sys.argv[1])
from asked import asked
torch.set_num_threads(1)
run, image = asked(*sys.argv[1:4])
with processes() as team:
    shared = run.over(team)
    evaluation = shared.problem.objective(shared.plan.levels[-1]).evaluate(image)
    *_, last = shared
    assert last.snapshot.state is None
if team.rank == 0:
    torch.save([evaluation.loss, evaluation.grad, last.image], sys.argv[1] + "/out.pt")
"""

ASKED = """
import torch
from impasto import Region, prepare

def asked(folder, solver, how):
    content, style, other, sky, face, image = torch.load(folder + "/in.pt", weights_only=True)
    apart = {"regions": [Region(sky, other)], "keep": face, "texture": other} if how == "apart" else {}
    settings = {"size": 112, "iterations": 9, "dtype": "float64", "preset": "study", "encoder": "compact"}
    settings["solver"] = solver
    return prepare(content, [style], **apart, **settings), image
"""


BOWL = """
import os, signal, sys, torch
from datetime import timedelta
from impasto.distributed import in_strips, processes
from impasto.engine import iterate
from impasto.errors import TeamError
from impasto.objective import Evaluation
from impasto.schedule import Level
from impasto.solvers import LBFGS, Adam, Averaged, InUnits, RMSprop

class Bowl:
    def initial(self, level):
        return torch.linspace(0, 1, 3 * level.height * level.width).reshape(1, 3, level.height, level.width)
    def enlarged(self, image, level):
        return torch.nn.functional.interpolate(image, (level.height, level.width), mode="bilinear")
    def objective(self, level):
        return self
    def evaluate(self, image):
        loss = (image - 0.4).square().sum()
        return Evaluation(loss, 2 * (image - 0.4), {"bowl": loss})
"""

NEXT_SIZE = """
levels = [Level(7, 9, 5), Level(13, 17, 5)]
with processes() as team:
    for solver in (Averaged(Adam()), InUnits(RMSprop(lr=1.0), 255.0), InUnits(LBFGS(), 2.0)):
        *_, alone = iterate(Bowl(), solver, levels)
        *_, shared = iterate(Bowl(), in_strips(solver, team), levels)
        torch.testing.assert_close(shared.image, alone.image)
        if team.rank == 0:
            print("the same")
"""

LEFT_ALONE = """
try:
    with processes(patience=timedelta(seconds=5)) as team:
        for step in iterate(Bowl(), in_strips(LBFGS(), team), [Level(8, 8, 30)]):
            if team.rank == 1 and step.done == 4:
                os.kill(os.getpid(), getattr(signal, sys.argv[1]))
except TeamError as error:
    print(step.done, bool(step.image.isfinite().all()), error)
"""


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


TRANSFER = ("transfer", "swatch:seigaiha", "swatch:mosaic", "--preset", "fast")


def torchrun(count, *arguments):
    """`count` processes with these arguments, when all have ended."""
    port = free_port()
    command = [sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={count}", f"--master-port={port}"]
    return subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, check=False)


def started(count, *arguments, cwd=None):
    """`count` processes with these arguments, as torchrun would start them."""
    meeting = {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    shared = {"cwd": cwd, "stdout": warm.PIPE, "stderr": warm.PIPE, "text": True}
    environments = (
        os.environ | meeting | {"OMP_NUM_THREADS": "1", "RANK": str(rank), "LOCAL_RANK": str(rank)}
        for rank in range(count)
    )
    return [warm.Popen(arguments, env=environment, **shared) for environment in environments]


def printed(count, *arguments):
    """What `count` processes with these arguments print; they must end well."""
    texts = []
    for process in started(count, *arguments):
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        texts.append(out)
    return "".join(texts)


@pytest.mark.parametrize(("count", "solver", "how"), [(2, "lbfgs", "plain"), (3, "adam", "apart")])
def test_processes_make_the_picture_that_one_makes(count, solver, how, uniform, tmp_path):
    """Also of regions, with a part that is kept and strokes of another style."""
    content, style, other, image = (uniform(1, 3, rows, 112) for rows in (96, 80, 90, 96))
    sky, face = torch.zeros(2, 1, 3, 96, 112)
    sky[..., :50, :], face[..., 60:80, 20:60] = 1, 1
    torch.save([content, style, other, sky, face, image], tmp_path / "in.pt")
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "asked.py").write_text(ASKED)
    printed(count, tmp_path / "program.py", tmp_path, solver, how)
    loss, grad, picture = torch.load(tmp_path / "out.pt", weights_only=True)
    scope: dict = {}
    exec(ASKED, scope)
    run, _ = scope["asked"](str(tmp_path), solver, how)
    alone = run.problem.objective(run.plan.levels[-1]).evaluate(image)
    assert float(loss) == pytest.approx(float(alone.loss), rel=1e-10)
    assert float((grad - alone.grad).abs().max() / alone.grad.abs().max()) < 1e-10
    *_, last = run
    assert float((picture - last.image).abs().max()) < 1e-4  # pictures are float32


def test_solvers_in_strips_go_on_at_the_next_size_as_whole_ones_do(tmp_path):
    (tmp_path / "program.py").write_text(BOWL + NEXT_SIZE)
    assert printed(3, tmp_path / "program.py").count("the same") == 3


def test_the_command_started_by_torchrun_writes_one_picture(tmp_path):
    common = [*TRANSFER, "--size", 160, "--iterations", 8, "--dtype", "float32"]
    done = torchrun(2, "-m", "impasto", *common, "-o", tmp_path / "two.png", "--checkpoint", tmp_path / "kept")
    assert (done.returncode, done.stdout.count("Wrote")) == (0, 1), done.stderr
    warm.run(["-m", "impasto", *common, "-q", "-o", tmp_path / "one.png"], check=True)
    one, two = (load_image(tmp_path / name).pixels for name in ("one.png", "two.png"))
    assert float((one - two).abs().mean()) < 1e-3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "one.png", "two.png"]


def test_a_dry_run_waits_for_nobody(tmp_path):
    common = [*TRANSFER, "--size", 96, "-o", tmp_path / "out.png", "--dry-run"]
    assert printed(2, "-m", "impasto", *common).count("encoder") == 1
    assert list(tmp_path.iterdir()) == []


def two_processes(folder, *arguments):
    """Two processes of the command in a folder."""
    return started(2, "-m", "impasto", *arguments, cwd=folder)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((*TRANSFER, "--size", "160", "-o", "out.png"), "out.png exists already. Choose another name, or overwrite it"),
        (("transfer", "none.jpg", "swatch:mosaic"), "There is no file none.jpg."),
        (("transfer", "out.png", "swatch:mosaic"), "out.png is empty"),
        (("transfer", "--sise", "3"), "Unknown option '--sise'"),
    ],
)
def test_a_refusal_is_told_once_and_ends_all(tmp_path, arguments, why):
    (tmp_path / "out.png").touch()
    first, second = two_processes(tmp_path, *arguments)
    _, error = first.communicate(timeout=60)
    assert error.startswith(f"Error: {why}")
    assert error.count("Error") == 1
    ended = time.monotonic()
    assert second.communicate(timeout=60) == ("", "")
    assert time.monotonic() - ended < 5
    assert (first.returncode, second.returncode) in ((2, 0), (1, 0))


def test_the_report_of_torchrun_ends_with_why(tmp_path):
    done = torchrun(2, "-m", "impasto", "transfer", tmp_path / "none.jpg", "swatch:mosaic")
    assert done.returncode == 1  # its own
    lines = done.stderr.splitlines()
    why = f"Error: There is no file {tmp_path / 'none.jpg'}. Check the name and the folder."
    assert [line for line in lines if line.startswith("Error")] == [why]
    assert lines[-2].removeprefix("  traceback : ") == why
    assert set(lines[-1]) == {"="}


@pytest.mark.parametrize(
    ("rank", "fails", "first", "expected"),
    [
        (0, True, 0, (MemoryError, "too large")),
        (1, True, 1, (PartError, "Process 2 of 3 cannot do its part: too large")),
        (1, True, 0, (TeamError, "Process 1 of 3 cannot do its part, and says why")),
        (2, False, 1, (TeamError, "Process 2 of 3 cannot do its part, and says why")),
        (2, False, 3, None),
    ],
)
def test_what_one_process_cannot_do_none_does_and_the_first_that_cannot_tells(
    monkeypatch, rank, fails, first, expected
):
    asked = []
    monkeypatch.setattr(Processes, "least", lambda _, values: asked.extend(values) or [first])
    kind, text = expected or (None, "")
    with pytest.raises(kind, match=text) if expected else nullcontext(), Processes(rank, 3).agreeing():
        if fails:
            raise MemoryError("too large")
    assert asked == [rank if fails else 3]


@pytest.mark.parametrize(("local", "told"), [("0", "Error: There is no file a.png"), ("1", "")])
def test_the_first_process_of_another_machine_tells_what_is_missing_there(impasto, monkeypatch, tmp_path, local, told):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", str(tmp_path / "why.json"))
    for name, value in {"WORLD_SIZE": "4", "RANK": "2", "LOCAL_RANK": local}.items():
        monkeypatch.setenv(name, value)
    status, _, error = impasto("transfer", "a.png", "swatch:mosaic")
    assert error.startswith(told)
    assert status == (2 if told else 0)
    assert (tmp_path / "why.json").exists() == bool(told)


@pytest.mark.parametrize("command", ["sheet a.png b.png", "figure features a.png", "replay a.png", "batch a -s b -o c"])
def test_what_is_not_made_together_the_first_makes_alone(impasto, monkeypatch, tmp_path, command):
    monkeypatch.chdir(tmp_path)
    for name, value in {"WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    assert impasto(*command.split()) == (0, "", "")
    for name in ("RANK", "LOCAL_RANK"):
        monkeypatch.setenv(name, "0")
    assert impasto(*command.split())[0] == 2  # there is no such file


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
def test_a_process_that_dies_does_not_take_the_picture_along(tmp_path, sent):
    command = [*TRANSFER, "--size", "160", "--dtype", "float32", "--json"]
    first, second = two_processes(tmp_path, *command, "--iterations", "100000", "-o", "out.png")
    while json.loads(first.stdout.readline()).get("done", 0) < 2:
        pass
    second.send_signal(sent)
    _, told = first.communicate(timeout=60)
    second.communicate(timeout=60)
    assert first.returncode == 1
    assert told.startswith("Error: Another process of this run is gone")
    assert "The best picture so far is in out.png." in told
    assert load_image(tmp_path / "out.png").pixels.shape[-1] == 160


def test_a_process_alone_is_no_team():
    with pytest.raises(UsageError, match="torchrun"), processes():
        pass


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
@pytest.mark.parametrize("signal", ["SIGKILL", "SIGSTOP"])
def test_a_process_that_is_gone_or_falls_silent_leaves_the_others_an_error_and_the_picture_so_far(signal, tmp_path):
    (tmp_path / "program.py").write_text(BOWL + LEFT_ALONE)
    first, second = started(2, tmp_path / "program.py", signal)
    try:
        told, errors = first.communicate(timeout=60)
    finally:
        second.kill()
        second.communicate()
    assert first.returncode == 0, errors
    assert told.startswith("4 True Another process of this run is gone (")
    assert "Start all of them again." in told


def test_whatever_the_backend_says_of_a_process_that_is_gone_is_our_error(monkeypatch):
    """NCCL raises DistBackendError, which is a RuntimeError as gloo's is; what NCCL itself does is untested."""

    def gone(*_):
        raise dist.DistBackendError("NCCL error\nsomewhere in C++")

    for name in ("all_reduce", "all_gather"):
        monkeypatch.setattr(dist, name, gone)
    team, image = Processes(0, 2), torch.zeros(1, 3, 4, 4)
    for ask in (
        lambda: team.total([image]),
        lambda: team.dot(image, image),
        lambda: team.least([1]),
        lambda: team.whole(image, 8),
        lambda: team.joined(image),
    ):
        with pytest.raises(TeamError, match=r"is gone \(NCCL error\)"):
            ask()


def test_gpus_are_asked_for_one_by_each_process_with_a_backend_for_tensors_of_either_kind(monkeypatch):
    """What is asked of PyTorch; whether several GPUs then do as they are told is untested."""
    asked = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", asked.append)
    monkeypatch.setattr(dist, "init_process_group", lambda backend, timeout: asked.append(backend))
    monkeypatch.setattr(dist, "get_rank", lambda: 1)
    monkeypatch.setattr(dist, "get_world_size", lambda: 2)
    monkeypatch.setattr(dist, "destroy_process_group", lambda: asked.append("end"))
    for name, value in (("WORLD_SIZE", "2"), ("RANK", "1"), ("LOCAL_RANK", "1"), ("TORCH_NCCL_BLOCKING_WAIT", "1")):
        monkeypatch.setenv(name, value)
    with processes() as team:
        assert (team.rank, team.size) == (1, 2)
    assert asked == [1, "cpu:gloo,cuda:nccl", "end"]
