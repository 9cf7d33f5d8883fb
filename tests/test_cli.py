"""The command line at work: what is written where, to whom, and what is left when it is stopped."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from shutil import rmtree

import numpy as np
import pytest
import torch
from PIL import Image

import warm
from impasto.cli import interrupts, main
from impasto.cli.app import app
from impasto.cli.drawing import Live, reporter
from impasto.engine import Snapshot, Step
from impasto.objective import Evaluation
from impasto.presets import PRESETS
from impasto.quantities import duration
from impasto.run import Run
from impasto.schedule import Level
from impasto.session.events import Clock

pty = pytest.importorskip("pty", reason="needs a POSIX system")


def picture(path, seed, width=64, height=48):
    noise = np.random.default_rng(seed).normal(0, 30, (height, width, 3))
    levels = np.linspace(0, 255, width * height * 3).reshape(height, width, 3) + noise
    Image.fromarray(levels.clip(0, 255).astype(np.uint8)).save(path)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An own folder with a photograph and a painting; one thread, as a busy computer has; output that is buffered."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    picture("photo.png", 1)
    picture("painting.png", 2)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield tmp_path
    torch.set_num_threads(before)


def transfer(*options, iterations=3):
    return "transfer", "photo.png", "painting.png", "--preset", "fast", "--iterations", str(iterations), *options


def started(*arguments, **settings):
    settings = {
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "stdin": subprocess.DEVNULL,
        "text": True,
    } | settings
    return warm.Popen(["-m", "impasto", *arguments], **settings)


BUSY = """
import sys, threading
import torch
from impasto.cli import main

def multiply():
    ones = torch.ones(64, 64)
    while True:
        ones @ ones

threading.Thread(target=multiply, daemon=True).start()
sys.argv[1:] = ["presets"]
main()
"""


def test_a_thread_that_is_at_work_in_pytorch_does_not_spoil_the_end():
    found = warm.run(["-c", BUSY], capture_output=True, text=True)
    assert (found.returncode, found.stderr) == (0, "")
    assert "tutorial" in found.stdout


def left_over(folder):
    return [path.name for path in folder.iterdir() if path.name not in ("photo.png", "painting.png")]


# What is written ----------------------------------------------------------------------------------------------------


def test_transfer_writes_a_picture_and_says_so(impasto):
    code, out, err = impasto(*transfer("-o", "out.png"))
    assert code == 0
    assert out.startswith("Wrote out.png in ")
    assert err.startswith("level 1/1 64x48  3/3  loss ")
    with Image.open("out.png") as image:
        assert (image.size, image.mode) == ((64, 48), "RGB")


@pytest.mark.parametrize(
    ("chosen", "used"),
    [
        ({}, ("PASSIVE", "1000")),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, ("ACTIVE", None)),
        ({"GOMP_SPINCOUNT": "7"}, ("PASSIVE", "7")),
    ],
    ids=["nothing", "policy", "spins"],
)
def test_how_threads_wait_is_left_to_who_has_chosen_it(monkeypatch, chosen, used):
    names = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
    monkeypatch.setattr(os, "environ", {k: v for k, v in os.environ.items() if k not in names} | chosen)
    with pytest.raises(SystemExit, match=r"^0$"):
        main(["--version"])
    assert tuple(map(os.environ.get, names)) == used


def test_quiet_says_nothing(impasto):
    assert impasto(*transfer("-q", "-o", "out.jpg")) == (0, "", "")
    with Image.open("out.jpg") as image:
        assert image.format == "JPEG"


def test_the_same_seed_is_the_same_picture(impasto, folder):
    for name in ("a.png", "b.png"):
        impasto(*transfer("--init", "random", "--seed", "7", "-q", "-o", name))
    assert (folder / "a.png").read_bytes() == (folder / "b.png").read_bytes()


def test_without_a_name_a_new_one_is_found(impasto, folder):
    impasto(*transfer("-q"))
    impasto(*transfer("-q"))
    assert sorted(left_over(folder)) == ["photo-painting-2.png", "photo-painting.png"]


def test_long_names_in_any_script_make_a_name_that_the_system_takes(impasto, folder):
    """Of 255 bytes at most, with those of the files that may come beside it."""
    long = {name: f"{each * 80}.png" for name, each in (("photo.png", "长"), ("painting.png", "画"))}
    for name, longer in long.items():
        (folder / name).rename(longer)
    command = ("transfer", *long.values(), "--preset", "fast", "--iterations", "2", "-q")
    assert impasto(*command, "--save-every", "1") == (0, "", "")
    assert impasto(*command) == (0, "", "")
    made = [path.stem for path in folder.iterdir() if path.name not in long.values()]
    assert sorted(made) == sorted([f"{'长' * 33}-{'画' * 33}{end}" for end in ("", "-0001", "-2")])
    code, _, err = impasto(*command, "-o", "n" * 252 + ".png")
    assert code == 1 and "File name too long. Choose a shorter name." in err


def test_the_original_size(impasto):
    assert impasto(*transfer("-q", "-o", "out.png", "--size", "original"))[0] == 0
    picture("large.png", 3, 700, 20)
    assert (
        impasto(
            "reconstruct",
            "content",
            "large.png",
            "--size",
            "original",
            "--iterations",
            "1",
            "-q",
            "--layer",
            "relu1_1",
            "-o",
            "again.png",
        )[0]
        == 0
    )
    assert impasto("texture", "photo.png", "-q", "--size", "original", "--iterations", "1", "-o", "texture.png")[0] == 0
    sizes = []
    for name in ("out.png", "again.png", "texture.png"):
        with Image.open(name) as made:
            sizes.append(made.size)
    assert sizes == [(64, 48), (700, 20), (64, 48)]


def test_numbers_of_somebody_else_are_left_alone(impasto, folder):
    picture("photo-IMG-12.png", 3)
    picture("IMG-12.png", 3)
    impasto("transfer", "photo.png", "IMG-12.png", "--preset", "fast", "--iterations", "1", "-q")
    impasto("transfer", "photo.png", "IMG-12.png", "--preset", "fast", "--iterations", "1", "-q")
    assert sorted(left_over(folder)) == ["IMG-12.png", "photo-IMG-12-2.png", "photo-IMG-12-3.png", "photo-IMG-12.png"]


def test_nothing_overwrites_an_input(impasto, folder):
    before = (folder / "photo.png").read_bytes()
    picture("begun-0002.png", 4)
    for arguments in (
        transfer("-o", "photo.png"),
        transfer("-o", "./photo.png", "--force"),
        transfer("-o", "painting.png", "--force", "--dry-run"),
        transfer("-o", "begun-0002.png", "--init", "begun-0002.png", "--force"),
        transfer("-o", "begun.png", "--init", "begun-0002.png", "--save-every", "2", "--force"),
        ("figure", "features", "photo.png", "-o", "photo.png", "--force"),
    ):
        code, out, err = impasto(*arguments)
        assert (code, out) == (2, "")
        assert "which are never overwritten" in err
    assert impasto(*transfer("-q", "-o", "out.png"))[0] == 0
    assert impasto("replay", "out.png", "-o", "photo.png", "--force")[0] == 2
    assert (folder / "photo.png").read_bytes() == before


def test_save_every_saves_at_full_size(impasto, folder):
    assert impasto(*transfer("--size", "256", "--save-every", "2", "-q", "-o", "out.png", iterations=5))[0] == 0
    assert sorted(left_over(folder)) == ["out-0002.png", "out-0004.png", "out.png"]
    with Image.open("out-0002.png") as image:
        assert image.size == (256, 192)


def test_save_every_overwrites_nothing_unasked(impasto, folder):
    picture("out-0002.png", 3)
    code, _, err = impasto(*transfer("--save-every", "2", "-o", "out.png"))
    assert code == 2
    assert "out-0002.png exists already" in err
    assert left_over(folder) == ["out-0002.png"]


def test_json_is_json_alone(impasto):
    code, out, err = impasto(*transfer("--json", "-o", "out.png"))
    records = [json.loads(text) for text in out.splitlines()]
    assert (code, err) == (0, "")
    assert [record["event"] for record in records] == ["plan", "step", "step", "step", "saved"]
    assert [record["done"] for record in records[1:4]] == [1, 2, 3]
    assert records[1]["loss"] == pytest.approx(sum(records[1]["terms"].values()), rel=1e-5)
    assert records[-1] == {"event": "saved", "path": "out.png", "interrupted": False, "done": 3}


def test_dry_run_writes_nothing(impasto, folder, untimed):
    code, out, err = impasto(*transfer("--dry-run", "-o", "out.png"))
    assert (code, err) == (0, "")
    assert "encoder         compact" in out
    assert "output          out.png" in out
    assert left_over(folder) == []
    code, out, _ = impasto(*transfer("--dry-run", "--json"))
    assert json.loads(out)["event"] == "plan"


def test_notes_are_shown(impasto):
    frames = [Image.new("RGB", (64, 48), color) for color in ("red", "blue")]
    frames[0].save("moving.gif", save_all=True, append_images=frames[1:])
    note = "moving.gif: animation: only the first frame is used"
    _, _, err = impasto(
        "transfer", "moving.gif", "painting.png", "--preset", "fast", "--iterations", "1", "-o", "a.png"
    )
    assert f"Note: {note}" in err
    _, out, _ = impasto(
        "transfer", "moving.gif", "painting.png", "--preset", "fast", "--iterations", "1", "-o", "b.png", "--json"
    )
    assert json.loads(out.splitlines()[0])["notes"] == [note]


def test_names_of_layers_and_of_swatches(impasto):
    layers = ("--style-layers", "*", "--content-layers", "block4_conv2=0.5,conv3_1")
    code, _, err = impasto(
        "transfer", "photo.png", "swatch:mosaic", *layers, "--iterations", "1", "-q", "-o", "out.png"
    )
    assert code == 0, err


# What is said -------------------------------------------------------------------------------------------------------


def commands(group=app, *names):
    """The words of all commands, and of the groups that they are in."""
    yield names
    for name, each in getattr(group, "commands", {}).items():
        yield from commands(each, *names, name)


@pytest.mark.parametrize("columns", [60, 80])
@pytest.mark.parametrize("command", [pytest.param(names, id="-".join(names)) for names in commands()])
def test_help_fits_narrow_terminals(impasto, monkeypatch, command, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    code, out, err = impasto(*command, "--help")
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= columns
    cut_short = [line for line in out.splitlines() if re.search(r"[a-z]\.\.\.$", line)]
    assert not cut_short


def test_presets_and_swatches_are_listed(impasto):
    for command, some in (("presets", "tutorial"), ("swatches", "mosaic")):
        code, out, err = impasto(command)
        assert (code, err) == (0, "")
        assert any(text.startswith(some) for text in out.splitlines())


def test_a_swatch_is_drawn(impasto):
    assert impasto("swatches", "mosaic", "--size", "64") == (0, "Wrote mosaic.png\n", "")
    with Image.open("mosaic.png") as image:
        assert image.size == (64, 48)


def test_help_and_names_do_not_wait_for_pytorch():
    program = (
        "import sys\nfrom impasto.cli import main\n"
        "for line in ('--help', 'transfer --help', 'swatches', 'transfr'):\n"
        "    try: main(line.split())\n    except SystemExit: pass\n"
        "print({'torch', 'numpy', 'rich', 'httpx'} & set(sys.modules))"
    )
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert output.splitlines()[-1] == "set()"


# Progress -----------------------------------------------------------------------------------------------------------

LEVELS = (Level(384, 512, 70), Level(768, 1024, 35))


def step(iteration=12, level=2):
    terms = {"content/relu4_2": torch.tensor(0.0378), "style/relu1_1": torch.tensor(0.2), "range": torch.tensor(0.01)}
    evaluation = Evaluation(sum(terms.values()), torch.zeros(1), terms)
    height, width, iterations = (getattr(LEVELS[level - 1], name) for name in ("height", "width", "iterations"))
    done = iteration + (70 if level == 2 else 0)
    image = torch.zeros(1, 3, 2, 2)
    snapshot = Snapshot(level, iteration, image)
    return Step(level, 2, iteration, iterations, done, 105, (width, height), 61.0, evaluation, image, snapshot)


def test_durations():
    texts = {0.04: "0.0 s", 6.7: "6.7 s", 57.4: "57 s", 59.6: "1 min 0 s", 125: "2 min 5 s", 1769: "29 min 29 s"}
    texts |= {3599: "59 min 59 s", 3599.6: "1 h 0 min", 3765: "1 h 3 min", 90000: "25 h 0 min"}
    assert {seconds: duration(seconds) for seconds in texts} == texts


def test_the_clock_counts_pixels():
    clock = Clock(LEVELS)
    assert clock.fraction(step(70, 1)) == pytest.approx(70 / (70 + 4 * 35))
    assert clock.fraction(step(35, 2)) == 1
    assert clock.left(step(35, 2)) == 0


def test_without_standard_error_nothing_is_said(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    with closing(reporter(LEVELS)) as report:
        assert not isinstance(report, Live)
        report.step(step())


def on_terminal(columns, *arguments):
    """What a terminal of so many columns is sent, and the exit code."""
    import fcntl
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"} | {"TERM": "xterm"}
    process = started(*arguments, stdin=theirs, stdout=theirs, stderr=theirs, text=False, env=environment)
    os.close(theirs)
    received = b""
    try:
        while part := os.read(ours, 4096):
            received += part
    except OSError:  # the other side is closed
        pass
    os.close(ours)
    return received.decode(), process.wait()


@pytest.mark.parametrize(("columns", "shown"), [(60, ()), (80, ("content 0.", "left")), (120, ("style 0.", "100%"))])
def test_on_a_terminal_one_line_is_redrawn(columns, shown):
    text, code = on_terminal(columns, *transfer("-o", "out.png"))
    assert code == 0
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    *drawn, last = [part for part in re.split(r"[\r\n]+", plain) if part.strip()]
    assert last.startswith("Wrote out.png")
    lines = [part for part in drawn if part.startswith("level")]
    assert lines
    assert all("level 1/1 64x48" in part and len(part) <= columns for part in lines)
    for part in shown:
        assert part in lines[-1]


# Stopped ------------------------------------------------------------------------------------------------------------


def interrupted_after_two_steps(signals, *options):
    """Start a long run, send `signals` when two steps are done; returns the process and its standard error."""
    process = started(*transfer("--json", "-o", "out.png", "--size", "128", *options, iterations=100_000))
    for _ in range(3):
        assert json.loads(process.stdout.readline())["event"] in ("plan", "step")
    for each in signals:
        process.send_signal(each)
        time.sleep(0.02)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_a_terminal_that_is_closed_is_like_ctrl_c(folder):
    code, _, err = interrupted_after_two_steps([signal.SIGHUP, signal.SIGTERM])
    assert (code, err) == (129, "")
    assert "out.png" in left_over(folder)  # if it took long, beside what is kept


def test_printing_to_a_terminal_that_is_gone_loses_nothing(folder):
    ours, theirs = pty.openpty()
    process = started(
        *transfer("-o", "out.png", "--size", "128", iterations=100_000), stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    while b"level" not in os.read(ours, 4096):
        pass
    os.close(ours)  # from now on every line that is printed is an error
    process.send_signal(signal.SIGHUP)
    assert process.wait(timeout=60) == 129
    assert "out.png" in left_over(folder)  # if it took long, beside what is kept


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_closed_standard_error_does_not_end_a_run(folder, options):
    arguments = " ".join(transfer("-o", "out.png", *options))
    script = f'exec "{sys.executable}" -c "from impasto.cli import main; main()" {arguments} 2>&-'
    assert subprocess.run(["sh", "-c", script], capture_output=True, check=False).returncode == 0
    assert "out.png" in left_over(folder)  # if it took long, beside what is kept


def test_nobody_reading_standard_error_any_more_saves_the_picture_so_far(folder):
    process = started(*transfer("-o", "out.png", "--size", "128", iterations=100_000))
    process.stderr.readline()
    process.stderr.close()
    assert process.stdout.read() == ""
    process.stdout.close()
    assert process.wait(timeout=60) == 1
    assert "out.png" in left_over(folder)  # if it took long, beside what is kept


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (MemoryError(), "Error: Out of memory. Try a smaller --size, or fewer --style-layers."),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "Error: Out of memory."),
        (RuntimeError("a kernel failed"), "Error: RuntimeError: a kernel failed"),
    ],
)
def test_what_nobody_foresaw_is_told_with_the_picture_so_far(impasto, folder, monkeypatch, raised, said):
    steps = Run.steps

    def failing(run, start=None):
        for step in steps(run, start):
            yield step
            if step.done == 2:
                raise raised

    monkeypatch.setattr(Run, "steps", failing)
    code, _, err = impasto(*transfer("-o", "out.png"))
    *_, first = [line for line in err.splitlines() if line.startswith("Error")]
    assert code == 1
    assert first.startswith(said) and first.endswith("The best picture so far is in out.png.")
    assert left_over(folder) == ["out.png"]


@pytest.mark.parametrize(
    "signals",
    [[signal.SIGINT], [signal.SIGTERM], [signal.SIGINT] * 3],
    ids=["Ctrl-C", "SIGTERM", "Ctrl-C pressed often"],
)
def test_an_interrupted_run_saves_the_picture_so_far(folder, signals):
    code, out, err = interrupted_after_two_steps(signals)
    record = json.loads(out.splitlines()[-1])
    assert (code, err, record["event"], record["interrupted"]) == (130, "", "saved", True)
    with Image.open("out.png") as image:
        assert image.size == (128, 96)
    assert left_over(folder) == ["out.png"]


def test_an_interruption_while_nothing_is_done(folder):
    command = [sys.executable, "-m", "impasto", *transfer("-o", "out.png", iterations=100_000)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    time.sleep(0.5)  # in which PyTorch is imported
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode in (130, -signal.SIGINT)  # the latter while Python itself is starting
    if process.returncode == 130:
        assert "Interrupted" in err
        assert "Traceback" not in err


def test_interruptions_are_held_back_and_swallowed_ones_found():
    with pytest.raises(KeyboardInterrupt), interrupts.as_exceptions(restored=True):
        with interrupts.held_back():
            signal.raise_signal(signal.SIGINT)
            assert interrupts.caught()
        signal.raise_signal(signal.SIGINT)  # pressed again at once: the same interruption
        interrupts.check()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_broken_pipe_is_silent_and_the_picture_so_far_is_saved(folder):
    process = started(*transfer("--json", "-o", "out.png", iterations=100_000))
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait() == 1
    assert "out.png" in left_over(folder)


WITH_SMALL_FILES = """
import resource
from impasto.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
main()
"""


def test_a_full_disk_leaves_nothing_behind(folder, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(folder))
    done = warm.run(["-c", WITH_SMALL_FILES, *transfer("-q", "-o", "out.png")], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert "out.png cannot be written: File too large. Free some space" in done.stderr
    assert left_over(folder) == []


def test_a_result_that_cannot_be_saved_is_saved_elsewhere(impasto, folder, monkeypatch):
    import tempfile

    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))
    (folder / "gone").mkdir()
    monkeypatch.setattr("impasto.plan.Plan.to_json", lambda _: rmtree("gone") or {})  # meanwhile
    code, _, err = impasto(*transfer("--json", "-o", "gone/out.png"))
    (rescued,) = elsewhere.iterdir()
    assert code == 2
    assert f"The picture is in {rescued} instead." in err


def test_streams_may_be_closed(folder):
    arguments = " ".join(transfer("-o", "out.png", iterations=1))
    script = f'exec "{sys.executable}" -c "from impasto.cli import main; main()" {arguments} <&- >&- 2>&-'
    assert subprocess.run(["sh", "-c", script], check=False).returncode == 0
    assert left_over(folder) == ["out.png"]


def test_numbers_that_break_again_and_again_end_the_run_with_the_best_picture(impasto):
    code, _, said = impasto(*transfer("-o", "out.png", "--solver", "adam", "--style-weight", "1e36", iterations=12))
    assert code == 1
    assert [f"steps {factor} times as long" in said for factor in ("0.1", "0.01", "0.001", "0.0001")] == [True] * 3 + [
        False
    ]
    assert "no longer finite (the solver's step); try float32" in said
    assert "The best picture so far is in out.png" in said
    with Image.open("out.png") as saved:
        assert saved.size == (64, 48)


def test_the_tutorial_prints_and_saves_as_its_source_does(impasto, folder, monkeypatch):
    found = PRESETS["tutorial"]
    assert found.milestones.every == 1000
    sooner = replace(found, milestones=replace(found.milestones, every=10))
    monkeypatch.setattr("impasto.presets.PRESETS", {**PRESETS, "tutorial": sooner})
    tutorial = ("transfer", "photo.png", "painting.png", "--preset", "tutorial", "--encoder", "compact")
    code, out, err = impasto(*tutorial, "--iterations", "20", "--size", "48", "-o", "results.png")
    assert code == 0, err
    assert [line.split(":")[0] for line in out.splitlines() if line.startswith("epoch")] == ["epoch 10", "epoch 20"]
    assert (folder / "epoch10.png").exists() and (folder / "epoch20.png").exists()
    again = impasto(*tutorial, "--iterations", "10", "--size", "48", "-o", "other.png")
    assert again[0] == 2 and "epoch10.png" in again[2]


def test_going_on_with_a_larger_picture_tells_its_plan(impasto, folder):
    assert impasto(*transfer("-o", "a.png", "--size", "260", "--checkpoint", "kept", iterations=4))[0] == 0
    code, out, err = impasto("resume", "kept", "--size", "280", "--iterations", "4", "-o", "b.png", "--json")
    assert (code, err) == (0, "")
    assert [json.loads(line)["event"] for line in out.splitlines()][-1] == "saved"
