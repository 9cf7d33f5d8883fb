"""What keeping a run costs: python benchmarks/checkpoints.py [SIZE ...] [--folder DIR].

Each run is the default transfer of two swatches, kept as `impasto transfer --checkpoint` keeps it. Measured are its
time and the part of it that goes into snapshots, including the question whether one is due.
"""

import argparse
import tempfile
import time
from pathlib import Path

from impasto import prepare
from impasto.checkpoint import Checkpoints, Pace

ROW = "{:>6} {:>12} {:>10} {:>10} {:>9} {:>9} {:>7}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", type=int, nargs="*", default=[256, 512, 1024])
    parser.add_argument("--iterations", type=int, default=210)
    parser.add_argument("--folder", type=Path, help="where the checkpoints are written")
    arguments = parser.parse_args()
    print(ROW.format("size", "evaluations", "snapshots", "written", "run", "kept", "cost"))
    for size in arguments.sizes:
        print(row(size, arguments.iterations, arguments.folder), flush=True)


def row(size, iterations, folder):
    run = prepare("swatch:mosaic", "swatch:marbling", size=size, iterations=iterations)
    with tempfile.TemporaryDirectory(dir=folder) as base:
        checkpoints, pace = Checkpoints.create(Path(base) / "run", run.record().to_json()), Pace()
        count, written, spent, began = 0, 0, 0.0, time.perf_counter()
        for step in run:
            moment = time.perf_counter()
            if pace.due(step):
                size_of_file = checkpoints.write(step)
                pace.wrote(size_of_file, time.perf_counter() - moment)
                count, written = count + 1, written + size_of_file
            spent += time.perf_counter() - moment
        total = time.perf_counter() - began
        checkpoints.close()
    return ROW.format(
        size,
        run.plan.evaluations,
        count,
        f"{written / 1e6:.0f} MB",
        f"{total:.1f} s",
        f"{spent:.2f} s",
        f"{spent / total:.2%}",
    )


if __name__ == "__main__":
    main()
