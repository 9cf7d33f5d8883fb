"""Several processes make the picture that one makes: objective, solvers, runs and the command."""

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


def torchrun(count, *arguments):
    """What `count` processes with these arguments print; they must end well."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={count}", f"--master-port={port}"]
    done = subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, check=False)
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


def test_a_process_alone_is_no_team():
    with pytest.raises(UsageError, match="torchrun"), processes():
        pass
