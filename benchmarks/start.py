"""Whether the optimiser is sooner done where it begins with what instant mode paints.

    python benchmarks/start.py --content FOLDER --style FOLDER [--pairs 12] [--size 512]

Each pair is painted by the default, and by the same with `init="instant"` at all sizes, from the second size on, and at
the full size alone; they take turns, in one process. A way is done once its loss at the full size is no more than the
default's last one. Given are its seconds as a share of the default's, to the end and until it was done, and the
figures of the finished picture (`pictures.py` says what they are).
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from impasto import Painter
from pictures import Judge, pairs, table

DEFAULT = "default"
WAYS: dict[str, dict[str, Any]] = {
    DEFAULT: {},
    "instant": {"init": "instant"},
    "instant, two sizes": {"init": "instant", "levels": 2},
    "instant, full size": {"init": "instant", "levels": 1},
}


@dataclass(frozen=True)
class Painted:
    """A finished picture, (1, 3, H, W), and (seconds since it was asked for, loss) of each step at the full size."""

    image: Tensor
    course: list[tuple[float, float]]

    @property
    def seconds(self) -> float:
        """To the last step."""
        return self.course[-1][0]

    @property
    def loss(self) -> float:
        """The least."""
        return min(loss for _, loss in self.course)

    def seconds_to(self, loss: float) -> float:
        """Until the loss was no more than that; infinity if it never was."""
        return next((seconds for seconds, found in self.course if found <= loss), float("inf"))


def painted(painter: Painter, content: Path, style: Path, size: int, settings: dict[str, Any]) -> Painted:
    """A pair, painted so."""
    began = time.perf_counter()
    run = painter.prepare(content, style, size=size, **settings)
    course = []
    for step in run:
        if step.level == len(run.plan.levels):
            course.append((time.perf_counter() - began, float(step.loss)))
    return Painted(step.image.clamp(0, 1).clone(), course)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--content", type=Path, required=True, help="folder of photographs")
    parser.add_argument("--style", type=Path, required=True, help="folder of paintings")
    parser.add_argument("--pairs", type=int, default=12, help="how many of all combinations")
    parser.add_argument("--size", type=int, default=512)
    args = parser.parse_args()
    painter, judge = Painter(), Judge(args.size)
    rows: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for content, style in pairs(args.content, args.style, args.pairs):
        found = {way: painted(painter, content, style, args.size, settings) for way, settings in WAYS.items()}
        default = found[DEFAULT]
        for way, made in found.items():
            times = {
                "seconds": made.seconds,
                "share": made.seconds / default.seconds,
                "done": made.seconds_to(default.loss) / default.seconds,
                "loss": made.loss / default.loss,
            }
            rows[way].append(times | judge.measure(made.image, content, style))
            print(f"{content.stem}-{style.stem} {way}:", *(f"{name} {x:.2f}" for name, x in times.items()), flush=True)
    print(f"\n{table(rows)}\n")
    for way, each in rows.items():
        print(f"{way}: done in half of the default's time in {sum(row['done'] <= 0.5 for row in each)} of {len(each)}")


if __name__ == "__main__":
    main()
