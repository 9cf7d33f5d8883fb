"""Several processes make the picture that one makes: objective, solvers, runs and the command."""

import json
import os
import signal
import socket
import subprocess
import sys

import pytest
import torch

from impasto import TransferConfig, load_image, prepare
from impasto.distributed import processes
from impasto.errors import UsageError

PROGRAM = """
import sys, torch
from impasto import TransferConfig, prepare
from impasto.distributed import processes
torch.set_num_threads(1)
content, style, image = torch.load(sys.argv[1], weights_only=True)
run = prepare(content, [style], TransferConfig(size=112, iterations=9, dtype="float64", solver=sys.argv[3]))
with processes() as team:
    shared = run.over(team)
    evaluation = shared.problem.objective(shared.plan.levels[-1]).evaluate(image)
    *_, last = shared
    assert last.snapshot.state is None
if team.rank == 0:
    torch.save([evaluation.loss, evaluation.grad, last.image], sys.argv[2])
"""


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def torchrun(count, *arguments):
    """What `count` processes with these arguments print; they must end well, and soon."""
    launcher = ["torch.distributed.run", f"--nproc-per-node={count}", f"--master-port={free_port()}"]
    command = [sys.executable, "-m", *launcher, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(("count", "solver"), [(2, "lbfgs"), (3, "adam")])
def test_processes_make_the_picture_that_one_makes(count, solver, uniform, tmp_path):
    content, style, image = uniform(1, 3, 96, 112), uniform(1, 3, 80, 112), uniform(1, 3, 96, 112)
    torch.save([content, style, image], tmp_path / "in.pt")
    (tmp_path / "program.py").write_text(PROGRAM)
    torchrun(count, tmp_path / "program.py", tmp_path / "in.pt", tmp_path / "out.pt", solver)
    loss, grad, picture = torch.load(tmp_path / "out.pt", weights_only=True)
    run = prepare(content, [style], TransferConfig(size=112, iterations=9, dtype="float64", solver=solver))
    alone = run.problem.objective(run.plan.levels[-1]).evaluate(image)
    assert float(loss) == pytest.approx(float(alone.loss), rel=1e-10)
    assert float((grad - alone.grad).abs().max() / alone.grad.abs().max()) < 1e-10
    *_, last = run
    assert float((picture - last.image).abs().max()) < 1e-4  # pictures are float32


def test_the_command_started_by_torchrun_writes_one_picture(tmp_path):
    common = ["transfer", "swatch:seigaiha", "swatch:mosaic", "--size", 160, "--iterations", 8, "--dtype", "float32"]
    told = torchrun(2, "-m", "impasto", *common, "-o", tmp_path / "two.png", "--checkpoint", tmp_path / "kept")
    assert told.count("Wrote") == 1
    subprocess.run([sys.executable, "-m", "impasto", *map(str, common), "-q", "-o", tmp_path / "one.png"], check=True)
    one, two = (load_image(tmp_path / name).pixels for name in ("one.png", "two.png"))
    assert float((one - two).abs().mean()) < 1e-3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "one.png", "two.png"]


def test_a_dry_run_waits_for_nobody(tmp_path):
    common = ["transfer", "swatch:seigaiha", "swatch:mosaic", "--size", 96, "-o", tmp_path / "out.png", "--dry-run"]
    assert torchrun(2, "-m", "impasto", *common).count("encoder") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
def test_a_process_that_dies_does_not_take_the_picture_along(tmp_path, sent):
    command = ["transfer", "swatch:seigaiha", "swatch:mosaic", "--size", "160", "--dtype", "float32", "--json"]
    meeting = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port(), "OMP_NUM_THREADS": "1"}
    first, second = (
        subprocess.Popen(
            [sys.executable, "-m", "impasto", *command, "--iterations", "100000", "-o", "out.png"],
            env=os.environ | meeting | {"RANK": rank, "LOCAL_RANK": rank},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in "01"
    )
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
