"""The planner's estimates beside what runs take: memory at the peak of the whole process, and time.

    python benchmarks/memory.py [--only NAME ...]

Each configuration is a run of its own in a process of its own, at its full size from the beginning unless it says
`levels`. `estimated` is what
the plan says, `measured` the process's VmHWM at the end: Python, PyTorch, weights and pictures included. `run` leaves
out what was resident when the plan was made. VGG-19 has its real shape and random weights.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CASES = {
    "default 512 levels": {"preset": "default", "size": 512, "levels": None},
    "default 1024 levels": {"preset": "default", "size": 1024, "levels": None},
    "default 1024 in 1.2GB levels": {"preset": "default", "size": 1024, "memory": "1.2GB", "levels": None},
    "compact 512 float32": {"size": 512, "dtype": "float32", "iterations": 14},
    "compact 512 bfloat16": {"size": 512, "dtype": "bfloat16", "iterations": 14},
    "compact 1024 float32": {"size": 1024, "dtype": "float32", "iterations": 14},
    "compact 1024 adam": {"size": 1024, "dtype": "float32", "solver": "adam", "iterations": 3},
    "compact 2048 bfloat16": {"size": 2048, "dtype": "bfloat16", "iterations": 6},
    "compact 2048 in 1.5GB": {"size": 2048, "dtype": "float32", "iterations": 6, "memory": "1.5GB"},
    "compact 512 levels": {"size": 512, "iterations": 30, "levels": None},
    "compact 700 in 650MB levels": {"size": 700, "iterations": 24, "memory": "650MB", "levels": None},
    "compact 1024 in 700MB levels": {"size": 1024, "iterations": 24, "memory": "700MB", "levels": None},
    "compact 1024 style-scale 3 in 1GB": {
        "size": 1024,
        "iterations": 16,
        "memory": "1GB",
        "dtype": "float32",
        "style_scale": 3.0,
        "levels": None,
    },
    "compact 512 style-scale 10": {"size": 512, "iterations": 16, "style_scale": 10.0, "levels": None},
    "vgg19 512 float32": {"size": 512, "dtype": "float32", "iterations": 3, "vgg": True},
    "vgg19 768 bfloat16": {"size": 768, "dtype": "bfloat16", "iterations": 3, "vgg": True},
    "vgg19 1024 gatys2016-code": {"size": 1024, "preset": "gatys2016-code", "iterations": 3, "vgg": True},
    "vgg19 1024 in 2GB": {"size": 1024, "dtype": "float32", "iterations": 3, "memory": "2GB", "vgg": True},
    "vgg19 512 crowson2021": {"size": 512, "preset": "crowson2021", "iterations": 3, "vgg": True},
    "compact 4096 in 4GB": {"size": 4096, "iterations": 4, "memory": "4GB", "square": True},
    "vgg19 2048 in 4GB": {
        "size": 2048,
        "dtype": "float32",
        "iterations": 3,
        "memory": "4GB",
        "square": True,
        "vgg": True,
    },
}
LONG = {"compact 8192 in 20GB": {"size": 8192, "iterations": 2, "memory": "20GB", "square": True}}


def status(key: str) -> int:
    """Bytes that the kernel has noted for this process: VmRSS now, VmHWM at most."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key))


def child(case: dict[str, object], weights: str) -> None:
    """One run in this process; its figures as JSON."""
    import numpy as np

    from impasto import prepare

    settings = {"preset": "fast", "levels": 1} | case
    height = 1024 if settings.pop("square", False) else 768
    vgg = {"weights": weights} if settings.pop("vgg", False) else {}
    ramp = np.linspace(0, 255, height * 1024 * 3).reshape(height, 1024, 3)
    content = (ramp + 40 * np.sin(ramp)).clip(0, 255).astype(np.uint8)
    run = prepare(content, [content[:, ::-1].copy()], **vgg, **settings)
    estimate = run.plan.estimate
    assert estimate is not None
    run.plan.keep_freed()  # as the command does
    planned = status("VmHWM")
    began, busy = time.perf_counter(), time.process_time()
    for step in run:
        size = step.size
    figures = {
        "planned_peak": planned,
        "resident": estimate.resident,
        "estimated": estimate.memory,
        "measured": status("VmHWM"),
        "seconds": time.perf_counter() - began,
        "busy": time.process_time() - busy,
        "pixels": size[0] * size[1],
        "notes": run.plan.notes,
    }
    del step
    print(json.dumps(figures | {"estimated_seconds": estimate.seconds}))


def random_vgg(folder: Path) -> Path:
    """VGG-19's convolutions in torchvision's layout, with random filters that keep activations near 1."""
    import torch
    from safetensors.torch import save_file

    from impasto.encoders.layouts import feature_indices
    from impasto.encoders.vgg import BLOCK_CHANNELS

    generator, tensors, channels = torch.Generator().manual_seed(0), {}, 3
    for index, name in feature_indices("vgg19").items():
        width = BLOCK_CHANNELS[int(name[4]) - 1]
        scale = (2 / (9 * channels)) ** 0.5
        tensors[f"features.{index}.weight"] = torch.randn(width, channels, 3, 3, generator=generator) * scale
        tensors[f"features.{index}.bias"] = torch.zeros(width)
        channels = width
    save_file(tensors, folder / "vgg19.safetensors")
    return folder / "vgg19.safetensors"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="cases whose names contain one of these")
    parser.add_argument("--long", action="store_true", help="8192x8192 too")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--weights", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        child(json.loads(args.child), args.weights)
        return
    cases = CASES | (LONG if args.long else {})
    if args.only:
        cases = {k: v for k, v in cases.items() if any(part in k for part in args.only)}
    with tempfile.TemporaryDirectory() as folder:
        weights = random_vgg(Path(folder)) if any("vgg" in case for case in cases.values()) else ""
        print(
            "| run | estimated MB | measured MB | off | run alone off | B/px | time est. s | took s | busy s | tiles |"
        )
        print("|---|---|---|---|---|---|---|---|---|---|")
        for name, case in cases.items():
            row(name, case, str(weights))


def row(name: str, case: dict[str, object], weights: str) -> None:
    """Run a case in a new process and print its line."""
    command = [sys.executable, __file__, "--child", json.dumps(case), "--weights", weights]
    environment = os.environ | {"OMP_WAIT_POLICY": "PASSIVE"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        print(f"| {name} | failed: {done.stderr.strip().splitlines()[-1]} |", flush=True)
        return
    f = json.loads(done.stdout.splitlines()[-1])
    off = f["estimated"] / f["measured"] - 1
    alone = (f["estimated"] - f["resident"]) / max(1, f["measured"] - f["resident"]) - 1
    tiles = next((word for note in f["notes"] if "tiles" in note for word in [note.split(" in ")[1].split(" ")[0]]), "")
    print(
        f"| {name} | {f['estimated'] / 1e6:.0f} | {f['measured'] / 1e6:.0f} | {off:+.0%} | {alone:+.0%} | "
        f"{(f['measured'] - f['resident']) / f['pixels']:.0f} | {f['estimated_seconds']:.1f} | {f['seconds']:.1f} | "
        f"{f['busy']:.1f} | {tiles} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
