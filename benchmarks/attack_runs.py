"""A run that is killed, fills the disk, and whose files are damaged (see attack.py)."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import random
import resource
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from impasto import prepare
from impasto.checkpoint import Checkpoints, Pace
from impasto.errors import ImpastoError
from impasto.images import load_image
from impasto.run import Run
from impasto.session import Destination, Failed, Saved, Session
from impasto.session.keeping import About, Written

SURVIVED, PLAIN = "survived", "plain"
OUT = "out.png"


def small_run() -> Run:
    """Six evaluations at two sizes."""
    generator = torch.Generator().manual_seed(0)
    pictures = [torch.rand(1, 3, 48, 64, generator=generator) for _ in range(2)]
    return prepare(pictures[0], pictures[1:], size=64, iterations=6, levels=2, dtype="float32", preset="fast")


def live(run: Run) -> None:
    """Begin the run in this folder, or go on with it, as the command does; a note that is none of ours raises."""
    resumed = Checkpoints.open(Path("kept")) if Path("kept/run.json").exists() else None
    destination = Destination(Path(OUT), save_every=1, checkpoint=None if resumed else "kept")
    if resumed:
        About.of(resumed)
        destination = replace(destination, force=Path(OUT) in Written(resumed))
    with destination.reserved() as reserved:
        outcome = Session(run, reserved, resumed=resumed).carry_out(lambda _: None)
    if not isinstance(outcome, Saved):
        raise outcome.error if isinstance(outcome, Failed) else RuntimeError(outcome)


def forked(what: Callable[[], None], folder: Path) -> int:
    """How a child ends that does it in a folder: 0; 1 for an error, 3 for one that impasto means; or a signal."""
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 1
    try:
        os.chdir(folder)
        what()
        code = 0
    except ImpastoError:
        code = 3
    except BaseException:
        traceback.print_exc()
    os._exit(code)


def dying(run: Run, moment: int) -> None:
    """Live until the operation on files of this number, of which the process dies."""
    left = moment

    def count(event: str, _: object) -> None:
        nonlocal left
        if event in ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "fcntl.flock", "os.fsync", "os.scandir"):
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    flush = os.fsync
    os.fsync = lambda descriptor: (sys.audit("os.fsync", descriptor), flush(descriptor))[1]
    sys.addaudithook(count)
    live(run)


def limited(run: Run, size: int, fatal: bool) -> None:
    """Live where files end after so many bytes: what writes more dies, or gets the error of a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL if fatal else signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    live(run)


def published(folder: Path) -> dict[str, str]:
    """The digests of the pictures that a person sees; each must be whole."""
    for path in folder.glob("*.png"):
        load_image(path)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.png")}


class Lives:
    """The same run in folders of its own, undisturbed and not."""

    def __init__(self, base: Path):
        Pace.due = lambda *_: True  # a snapshot at every step
        torch.set_num_threads(1)
        self.run, self._base, self._count = small_run(), base, 0
        calm = self.new()
        if forked(lambda: live(self.run), calm):
            raise SystemExit("the run does not end well undisturbed")
        self.kept = calm / "kept"
        self._names = names(calm)
        self._calm = forked_published(calm)

    def new(self) -> Path:
        """An empty folder."""
        self._count += 1
        folder = self._base / str(self._count)
        folder.mkdir()
        return folder

    def came_of(self, folder: Path) -> str:
        """What comes of a folder when the run goes on in it, undisturbed."""
        code = forked(lambda: live(self.run), folder)
        if code:
            return f"other error: resuming ended with {code}"
        found = forked_published(folder)
        hidden = {name for name in names(folder) if name.startswith(".impasto-")}  # a picture that was being written
        odd = (names(folder) - hidden) ^ self._names
        odd |= {name for name in names(folder / "kept") if not name.startswith(("run.", "written.", "snapshot-"))}
        shutil.rmtree(folder)
        if odd:
            return f"other error: {sorted(odd)} left behind or missing"
        return SURVIVED if found == self._calm else "altered"


def names(folder: Path) -> set[str]:
    """What is in a folder."""
    return {path.name for path in folder.iterdir()}


def forked_published(folder: Path) -> dict[str, str]:
    """`published`, in a child: libvips starts threads, which do not survive a fork."""
    file = folder.with_suffix(".digests")
    if forked(lambda: Path(file).write_text(repr(published(folder))), folder):
        return {"damaged": str(folder)}
    found = file.read_text()
    file.unlink()
    return dict(eval(found))  # our own repr


def kills(args: argparse.Namespace, base: Path) -> Iterator[tuple[str, str, float, float]]:
    """So many deaths: of new runs before each of their operations on files in turn, of resumed ones anywhere."""
    lives, chance, deaths, first = Lives(base), random.Random(args.seed), 0, 0
    largest = max(path.stat().st_size for path in lives.kept.iterdir())
    while deaths < args.kills:
        folder, began, here = lives.new(), time.perf_counter(), 0
        for life in range(chance.randint(1, 6)):
            if life and chance.random() < 0.25:
                code = forked(partial(limited, lives.run, chance.randrange(largest), fatal=True), folder)
            else:
                code = forked(partial(dying, lives.run, chance.randrange(80) if life else first), folder)
            if not life and code == 0:  # it had ended before
                print(f"killed before each of its {first} operations on files", file=sys.stderr, flush=True)
            if not life:
                first = first + 1 if code else 0
            here += code < 0
            if code > 0:
                yield "kills", f"crash: exit code {code}", 0.0, 0.0
        deaths += here
        came = lives.came_of(folder)
        for _ in range(here):
            yield "kills", came, time.perf_counter() - began, 0.0


def disks(args: argparse.Namespace, base: Path) -> Iterator[tuple[str, str, float, float]]:
    """Disks that are full after some bytes of a file, and have room again when the run is resumed."""
    lives, chance = Lives(base), random.Random(args.seed)
    largest = max(path.stat().st_size for path in lives.kept.iterdir())
    for _ in range(max(1, args.kills // 10)):
        folder, size, began = lives.new(), int(largest * chance.random() ** 2), time.perf_counter()
        code = forked(partial(limited, lives.run, size, fatal=False), folder)
        whole = "damaged" not in forked_published(folder)
        came = lives.came_of(folder) if whole and code in (0, 3) else f"other error: exit code {code}, whole: {whole}"
        yield "disks", PLAIN if came == SURVIVED and code else came, time.perf_counter() - began, 0.0


def clocks(args: argparse.Namespace, base: Path) -> Iterator[tuple[str, str, float, float]]:
    """Clocks that jump by up to a year, forth and back, whenever they are looked at."""
    lives, chance = Lives(base), random.Random(args.seed)
    for _ in range(max(1, args.kills // 20)):
        folder, began = lives.new(), time.perf_counter()
        code = forked(partial(jumping, lives.run, chance.random()), folder)
        came = f"other error: exit code {code}" if code else lives.came_of(folder)
        yield "clocks", came, time.perf_counter() - began, 0.0


def jumping(run: Run, seed: float) -> None:
    """Live where no clock can be trusted."""
    chance = random.Random(seed)
    for name in ("time", "monotonic", "perf_counter"):
        setattr(time, name, partial(lambda true: true() + chance.uniform(-3e7, 3e7), getattr(time, name)))
    live(run)


def flips(args: argparse.Namespace, base: Path) -> Iterator[tuple[str, str, float, float]]:
    """Single bits of every file of a checkpoint, more of its first bytes than of its numbers."""
    lives, chance = Lives(base), random.Random(args.seed)
    whole = state_of(lives.kept)
    for number in range(args.count):
        path = sorted(lives.kept.iterdir())[number % 4]
        content = path.read_bytes()
        bit = int(len(content) * 8 * chance.random() ** 3)
        path.write_bytes(content[: bit // 8] + bytes([content[bit // 8] ^ 1 << bit % 8]) + content[bit // 8 + 1 :])
        before = {each: each.read_bytes() for each in lives.kept.iterdir()}
        began = time.perf_counter()
        try:
            found = state_of(lives.kept)
            came = SURVIVED if found == whole else PLAIN if told(found, whole) else "altered"
        except ImpastoError:
            came = PLAIN
        except Exception as error:
            came = f"other error: {type(error).__name__}: {error}"
        yield "flips", came, time.perf_counter() - began, 0.0
        for each, data in before.items():
            each.write_bytes(content if each == path else data)


def state_of(folder: Path) -> tuple[object, ...]:
    """What is read of a checkpoint: the run, the snapshot, the files that are its own, and notes."""
    with contextlib.closing(Checkpoints.open(folder)) as checkpoints:
        kept, notes = checkpoints.newest()
        assert kept
        tensors = (kept.image.numpy().tobytes(), kept.snapshot.image.numpy().tobytes())
        read = repr(replace(kept.snapshot, image=None)) if kept.snapshot.state is None else ""
        return About.of(checkpoints), (kept.step, tensors, read), checkpoints.noted("written"), notes


def told(found: tuple[object, ...], whole: tuple[object, ...]) -> bool:
    """Whether what differs was noticed: an older snapshot with a note, or no file known as the run's own."""
    about, _, written, notes = found
    return about == whole[0] and (found[1] == whole[1] or bool(notes)) and written in ({}, whole[2])
