"""A run in forked processes that are killed: `python life_and_death.py FOLDER DEATHS SEED`; prints JSON.

PyTorch is loaded once, the run prepared once; each life resumes from the checkpoint as `impasto resume` does, writes
one after every evaluation, and is ended by SIGKILL at a random moment. Every death is followed by a look at the folder.
"""

import hashlib
import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import torch

from impasto import prepare
from impasto.checkpoint import Checkpoints


def prepared():
    generator = torch.Generator().manual_seed(0)
    content, style = (torch.rand(1, 3, 12, 16, generator=generator) for _ in range(2))
    large = [torch.nn.functional.interpolate(each, (48, 64), mode="bicubic") for each in (content, style)]
    settings = {"preset": "fast", "size": 64, "iterations": 100, "levels": 1, "dtype": "float32"}
    return prepare(large[0].clamp(0, 1), [large[1].clamp(0, 1)], **settings)


def live(run, folder, out):
    """Go on to the end; the digest of the result goes into the file `out`."""
    checkpoints = Checkpoints.open(folder)
    kept, _ = checkpoints.newest()
    image = kept.image if kept else None
    for step in run.steps(kept.snapshot if kept else None):
        checkpoints.write(step)
        image = step.image
    out.write_text(hashlib.sha256(image.numpy().tobytes()).hexdigest())


def born(*arguments):
    child = os.fork()
    if child == 0:
        try:
            live(*arguments)
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os._exit(1)
        os._exit(0)
    return child


def whole_life(run, folder, out):
    """A life that nobody ends; the digest of its result."""
    _, status = os.waitpid(born(run, folder, out), 0)
    assert status == 0, status
    return out.read_text()


def wait_for(folder, done, patience=30.0):
    """Until a snapshot after so many evaluations is there."""
    until = time.monotonic() + patience
    while (
        done and time.monotonic() < until and not any(int(path.stem[9:]) >= done for path in folder.glob("snapshot-*"))
    ):
        time.sleep(0.001)


def main(base, deaths, seed):
    torch.set_num_threads(1)
    chance = random.Random(seed)
    run = prepared()
    for name in ("calm", "hard"):
        Checkpoints.create(base / name, run.record().to_json()).close()
    calm = whole_life(run, base / "calm", base / "calm.txt")
    found, moments = [], []
    while len(moments) < deaths:
        child = born(run, base / "hard", base / "hard.txt")
        wait_for(base / "hard", (moments or [0])[-1] + chance.randint(0, 5))
        time.sleep(chance.uniform(0, 0.03))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), f"after {len(moments)} deaths the run had ended already: {status}"
        checkpoints = Checkpoints.open(base / "hard")
        kept, notes = checkpoints.newest()
        checkpoints.close()
        found += notes
        moments.append(kept.step["done"] if kept else 0)
    hard = whole_life(run, base / "hard", base / "hard.txt")
    print(json.dumps({"calm": calm, "hard": hard, "notes": found, "moments": moments}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
