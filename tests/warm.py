"""Processes of Python in which PyTorch and impasto are there when they begin: `Popen` and `run`, as of subprocess.

They are given what follows the name of the interpreter: `warm.run(["-m", "impasto", "presets"])`.  Each has its own
arguments, folder, environment, streams and end, as any other process; but it is a fork of one that has imported all
that takes time and done nothing else.  Not for tests of what Python or PyTorch does, or reads in the environment,
while it starts.  Off Linux, where a fork of so much is not known to be safe, they are started anew.
"""

import atexit
import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import types
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE, CalledProcessError, CompletedProcess, TimeoutExpired

IMPORTED = (
    "impasto.cli.app",
    "impasto.session",
    "impasto.studio.server",
    "impasto.tasks.figures",
    "impasto.video",
    "impasto.instant",
    "numpy.random",
)


def run(arguments, *, check=False, capture_output=False, timeout=None, **settings):
    """As subprocess.run, without an input."""
    pipes = {"stdout": PIPE, "stderr": PIPE} if capture_output else {}
    with Popen(arguments, **pipes, **settings) as process:
        out, err = process.communicate(timeout=timeout)
    if check and process.returncode:
        raise CalledProcessError(process.returncode, process.args, out, err)
    return CompletedProcess(process.args, process.returncode, out, err)


def anew(arguments, **settings):
    return subprocess.Popen([sys.executable, *map(str, arguments)], **settings)


class Forked:
    """As subprocess.Popen, as far as it is needed here: whose input is no pipe."""

    def __init__(self, arguments, *, stdin=None, stdout=None, stderr=None, text=False, cwd=None, env=None):
        self.args, self.returncode = [*map(str, arguments)], None
        streams = [self._ends(number, stream, text) for number, stream in enumerate((stdin, stdout, stderr))]
        (_, self.stdout, self.stderr), given = zip(*streams, strict=True)
        self._keeper, keeper = socket.socketpair()
        with keeper:
            socket.send_fds(SERVER.requests(), [b" "], [keeper.fileno(), *given])
        for fd in given:
            os.close(fd)
        folder = str(Path(cwd or ".").absolute())
        asked = {"arguments": self.args, "folder": folder, "environment": dict(env or os.environ)}
        self._keeper.sendall(json.dumps(asked).encode() + b"\n")
        self._told = self._keeper.makefile()
        self.pid = int(self._told.readline())

    @staticmethod
    def _ends(number, stream, text):
        """Our end of an output, if it is a pipe, and the file descriptor of the other."""
        if stream == PIPE:
            read, write = os.pipe()
            return os.fdopen(read, "r" if text else "rb"), write
        if stream == DEVNULL:
            return None, os.open(os.devnull, os.O_RDWR)
        return None, os.dup(number if stream is None else stream if isinstance(stream, int) else stream.fileno())

    def wait(self, timeout=None):
        if self.returncode is None:
            if not select.select([self._keeper], [], [], timeout)[0]:
                raise TimeoutExpired(self.args, timeout)
            self.returncode = int(self._told.readline())
            self._told.close()
            self._keeper.close()
        return self.returncode

    def poll(self):
        with suppress(TimeoutExpired):
            self.wait(0)
        return self.returncode

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self):
        self.send_signal(signal.SIGTERM)

    def kill(self):
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout=None):
        """All that is left of both outputs; a process that has not ended in time is killed."""
        with ThreadPoolExecutor(2) as readers:
            left = [pipe and readers.submit(pipe.read) for pipe in (self.stdout, self.stderr)]
            try:
                self.wait(timeout)
            except TimeoutExpired:
                self.kill()
                raise
        self._close()
        return tuple(each and each.result() for each in left)

    def _close(self):
        for pipe in filter(None, (self.stdout, self.stderr)):
            pipe.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._close()
        self.wait()


class Server:
    """The process that is forked: it begins with the first request, and ends with the tests."""

    def __init__(self):
        self._requests = None

    def requests(self):
        """The socket that takes them."""
        if self._requests is None:
            self._requests, theirs = socket.socketpair()
            environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
            environment["OPENBLAS_NUM_THREADS"] = "1"  # as it must not have more
            command = [sys.executable, __file__, str(theirs.fileno())]
            with theirs:
                process = subprocess.Popen(command, stdin=DEVNULL, env=environment, pass_fds=[theirs.fileno()])
            atexit.register(process.wait)
            atexit.register(self._requests.close)
        return self._requests


SERVER = Server()
Popen = Forked if sys.platform == "linux" else anew


# In the processes ---------------------------------------------------------------------------------------------------


def asked_for(requests):
    """Serve requests; where this returns is a process that was asked for, and what its arguments are."""
    for name in IMPORTED:
        with suppress(ImportError):  # an extra that is not there
            __import__(name)
    gc.freeze()  # what nobody looks at is not copied
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests
    while True:
        message, fds, *_ = socket.recv_fds(requests, 1, 4)
        if not message:
            with suppress(ChildProcessError):  # so that the time that they took is counted
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            os._exit(0)
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # from Python 3.12 on it warns of a fork beside other threads
            forked = os.fork()
        if forked == 0:
            requests.close()
            return kept(socket.socket(fileno=fds[0]), fds[1:])
        for fd in fds:
            os.close(fd)


def kept(keeper, streams):
    """Fork once more: this process tells which its child is and how it ends, and the child returns its arguments."""
    asked = json.loads(keeper.makefile().readline())
    if child := os.fork():
        for fd in streams:
            os.close(fd)
        keeper.sendall(b"%d\n" % child)
        keeper.sendall(b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        os._exit(0)
    keeper.close()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, fd in enumerate(streams):
        os.dup2(fd, number)
        os.close(fd)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = os.fdopen(1, "w", 1 if "PYTHONUNBUFFERED" in os.environ else -1, closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, errors="backslashreplace", closefd=False)
    if threads := os.environ.get("OMP_NUM_THREADS"):
        sys.modules["torch"].set_num_threads(int(threads))
    return asked["arguments"]


def execute(first, *others):
    """What Python does with these arguments."""
    sys.path[0] = "" if first in ("-c", "-m") else str(Path(first).parent)
    sys.argv = [first, *others]
    if first == "-m":
        sys.argv = [*others]
        runpy.run_module(others[0], run_name="__main__", alter_sys=True)
    elif first == "-c":
        sys.argv = ["-c", *others[1:]]
        sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(others[0], "<string>", "exec"), vars(sys.modules["__main__"]))
    else:
        runpy.run_path(first, run_name="__main__")


if __name__ == "__main__":
    execute(*asked_for(socket.socket(fileno=int(sys.argv[1]))))
