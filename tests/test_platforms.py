"""Systems unlike this one: Windows, as far as it can be played here, and outputs that cannot hold every character."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

# What Windows does not have. Libraries that have versions of their own for it are there before.
WINDOWS = """
import builtins, io, os, signal, sys, warnings
import PIL.Image, filelock, platformdirs, psutil, rich.console, safetensors.torch, subprocess, tempfile, torch

class Nowhere:
    def find_spec(self, name, *_):
        if name in {"resource", "fcntl", "termios", "pty", "pwd", "grp", "posix", "readline"}:
            raise ModuleNotFoundError(name)

def without(opened):
    def only_windows_has(path, *arguments, **others):
        if str(path).startswith(("/proc", "/sys")):
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return opened(path, *arguments, **others)
    return only_windows_has

for name in ("resource", "fcntl", "termios", "pty", "pwd", "grp"):
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Nowhere())
for name in ("sysconf", "fork", "getuid", "geteuid", "getpgid", "setsid", "killpg", "umask", "mkfifo", "O_DIRECTORY",
             "sched_getaffinity", "getloadavg", "uname", "fchmod"):
    if hasattr(os, name):
        delattr(os, name)
for name in ("SIGHUP", "SIGQUIT", "SIGALRM", "SIGPIPE", "SIGUSR1", "setitimer", "alarm"):
    delattr(signal, name)
io.open = builtins.open = without(builtins.open)
os.open = without(os.open)
import ctypes
def no_program_itself(name, *_):
    raise TypeError("bad argument type for built-in operation")
ctypes.CDLL = no_program_itself
from types import SimpleNamespace  # psutil's own version for this system reads /proc
psutil.Process = lambda: SimpleNamespace(memory_info=lambda: SimpleNamespace(rss=5 * 10**8))
psutil.virtual_memory = lambda: SimpleNamespace(available=8 * 10**9)
from impasto.cli import main
"""
QUICK = ["--preset", "fast", "--size", "64", "--iterations", "2"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A photograph with a Chinese name."""
    monkeypatch.chdir(tmp_path)
    levels = np.random.default_rng(1).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(levels).save("照片.png")
    return tmp_path


def python(code, **environment):
    environment = os.environ | {"PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"} | environment
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment, check=False)
    return process.returncode, *(stream.decode(errors="replace") for stream in (process.stdout, process.stderr))


def command_lines(*lines):
    """Code that runs commands one after another, and ends with the first exit code that is not 0."""
    calls = "".join(
        f"try: main({line!r})\nexcept SystemExit as left:\n    if left.code: raise\n" for line in map(list, lines)
    )
    return calls


TRANSFER = ("transfer", "照片.png", "swatch:mosaic", *QUICK, "-o", "结果.png")


def test_on_windows_pictures_are_made_kept_resumed_and_replayed(folder):
    lines = (
        TRANSFER,
        ("show", "结果.png"),
        ("replay", "结果.png"),
        (*TRANSFER[:-1], "again.png", "--checkpoint", "kept"),
        ("resume", "kept"),
        ("batch", "*.png", "-s", "swatch:mosaic", "-o", "out", *QUICK),
        ("plan", "--sizes", "64"),
        ("texture", "swatch:mosaic", *QUICK, "-q"),
    )
    code, out, err = python(WINDOWS + command_lines(*lines))
    assert code == 0, err
    assert "Traceback" not in err
    assert "result: the same" in out.splitlines()
    assert r"Wrote \u7ed3\u679c.png" in out
    assert (folder / "out/照片.png").exists() and (folder / "mosaic-texture.png").exists()


def test_no_message_fails_for_a_name_that_is_no_text(folder):
    (folder / os.fsdecode(b"p\xff.png")).write_bytes((folder / "照片.png").read_bytes())
    odd = ("transfer", os.fsdecode(b"p\xff.png"), "swatch:mosaic", *QUICK, "-o", "odd.png")
    lines = (TRANSFER, ("show", "结果.png"), ("replay", "结果.png"), odd, ("show", "odd.png"))
    missing = ["transfer", "不在.png", "画.png"]
    code = f"from impasto.cli import main\n{command_lines(*lines)}main({missing!r})"
    status, out, err = python(code, PYTHONIOENCODING="utf-8")
    assert status == 2
    assert err.splitlines()[-1].startswith("Error: There is no file ")
    assert "not expected" not in err
    assert r"p\udcff.png" in out
    assert "result: the same" in out.splitlines()


def test_the_streams_of_a_program_are_left_as_they_were(impasto):
    before = sys.stdout.errors, sys.stderr.errors
    impasto("presets")
    assert (sys.stdout.errors, sys.stderr.errors) == before
