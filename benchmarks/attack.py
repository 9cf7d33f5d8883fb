"""Attacks: weight files, mirrors, flipped bits, kills and full disks; what was tried, and what came of it.

    nice -n 15 python benchmarks/attack.py --count 2000 --kills 1000

* weights: crafted and damaged files of four kinds, read by a process under a limit of memory and time;
* mirrors: an HTTP server that lies in a way drawn for each request, and an honest one after it;
* flips: single bits of every file of a checkpoint;
* kills: a run with pictures on its way and a checkpoint at every step, killed by SIGKILL before each of its operations
  on files in turn; then it is resumed and killed anywhere, up to five times, and in the end compared;
* disks: the same run on a disk that is full after some bytes of a file;
* clocks: the same run under clocks that jump.

`survived` is the right result, `plain` an error that impasto means to raise; all else is bad, and the exit code is 1.
Linux only.  Not tried: GPUs, power cuts.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

from attack_mirrors import mirrors
from attack_runs import clocks, disks, flips, kills
from attack_weights import PLAIN, SURVIVED, weights

BAD = ("altered", "other error", "out of memory", "hang", "crash")
ATTACKS = {each.__name__: each for each in (weights, mirrors, flips, kills, disks, clocks)}


def main() -> int:
    """Carry out the attacks; print a row for each kind of what was attacked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=ATTACKS, default=[*ATTACKS])
    parser.add_argument("--count", type=int, default=400, help="damaged weight files, flipped bits, ten mirrors")
    parser.add_argument("--kills", type=int, default=100, help="kills; a tenth are full disks, a twentieth clocks")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--memory", type=int, default=512, help="MB that reading weights may take beside the program")
    parser.add_argument("--seconds", type=float, default=8)
    args = parser.parse_args()
    print("| attack | tried |", " | ".join((SURVIVED, PLAIN, *BAD)), "| slowest, s | most, MB |")
    print("|---|" + "---|" * (5 + len(BAD)))
    bad = 0
    for name in args.only:
        counts: dict[str, Counter[str]] = {}
        slowest: Counter[str] = Counter()
        largest: Counter[str] = Counter()
        with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as base:
            for kind, came, seconds, megabytes in ATTACKS[name](args, Path(base)):
                counts.setdefault(kind, Counter())[came.partition(":")[0]] += 1
                slowest[kind], largest[kind] = max(slowest[kind], seconds), max(largest[kind], megabytes)
                if came not in (SURVIVED, PLAIN):
                    print(f"{kind}: {came}", file=sys.stderr)
        for kind, row in counts.items():
            cells = " | ".join(str(row[each]) for each in (SURVIVED, PLAIN, *BAD))
            print(f"| {kind} | {row.total()} | {cells} | {slowest[kind]:.1f} | {largest[kind]:.0f} |", flush=True)
            bad += sum(row[each] for each in BAD)
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
