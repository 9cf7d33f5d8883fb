"""The pictures in docs/: which command made each, and whether today's settings, weights and code would make the same.

    python benchmarks/committed.py                          # says which are stale; exit code 1 if any is
    python benchmarks/committed.py --content FOLDER --style FOLDER --out FOLDER --make NAME [NAME ...]

docs/pictures.json has for each picture its command, its sha256, and a yardstick for each recipe that it shows: the
terms of the loss in a small, short run with that recipe when the picture was made. Whatever changes what a recipe
makes by more than rounding, be it a setting, the weights or the arithmetic, moves these, and a picture made before is
stale. `--make` makes pictures again and writes both down.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shlex
import subprocess
import sys
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from impasto import Painter, Recipe, Step

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
LIST = DOCS / "pictures.json"
TOLERANCE = 0.01  # of a loss: other processors round otherwise
SIZE, EVALUATIONS = 264, 6  # small, but beyond the size at which the default changes

PAIRS = "--content {content} --style {style}"
FIGURE = "{content}/kodak22.jpg {style}/starry_night.jpg"
LESSON = "python examples/how_it_works.py docs/how-it-works"
QUALITY = 88  # of the JPEG files that figures are kept as
# What makes each picture, and the recipes that it shows; {content}, {style} and {out} are folders. What comes out as
# {out}/NAME.png is kept as a JPEG file.
PICTURES: dict[str, tuple[str, tuple[str, ...]]] = {
    "demo.jpg": ("python examples/demo_sheet.py demo/photo.png docs/demo.jpg", ("default",)),
    "pairs.jpg": (f"python benchmarks/pairs.py {PAIRS} --out {{out}} --sheet docs/pairs.jpg", ("default",)),
    "grid.jpg": (f"python benchmarks/grid.py {PAIRS} --size 224 --count 6 --sheet docs/grid.jpg", ("default",)),
    "large.jpg": (
        f"python benchmarks/pairs.py {PAIRS} --out {{out}}/large --size 1024 --pairs 4 --row 680 "
        "--sheet docs/large.jpg",
        ("default",),
    ),
    "strength.jpg": (
        "python benchmarks/strength.py --content {content}/kodak23.jpg --style {style}/van_gogh_houses.jpg "
        "--sheet docs/strength.jpg",
        ("default",),
    ),
    "controls.jpg": (
        "python benchmarks/controls.py --content {content}/dock.jpg --style {style}/great_wave.jpg "
        "--other {style}/starry_night.jpg --sheet docs/controls.jpg",
        ("default", "palette"),
    ),
    "swatches.png": ("python examples/swatches_sheet.py docs/swatches.png", ()),
    **{
        f"{name}.jpg": ("python benchmarks/studio_pictures.py demo/photo.png --folder {out}/studio", ("default",))
        for name in ("studio", "studio-narrow")
    },
    **{
        f"figure-{name}.jpg": (f"impasto figure {name} {FIGURE} -o {{out}}/figure-{name}.png --force{more}", (shown,))
        for name, shown, more in (
            ("representations", "reconstruct", ""),
            ("tradeoff", "study", " --size 128 --iterations 120"),
            ("layers", "study", ""),
            ("progress", "study", ""),
        )
    },
    "figure-features.jpg": (
        "impasto figure features {content}/kodak22.jpg -o {out}/figure-features.png --force",
        ("reconstruct",),
    ),
    "how-it-works/content.jpg": (LESSON, ("reconstruct",)),
    "how-it-works/features.jpg": (LESSON, ("reconstruct",)),
    "how-it-works/gram.jpg": (LESSON, ("reconstruct",)),
    "how-it-works/style.jpg": (LESSON, ("reconstruct",)),
    "how-it-works/transfer.jpg": (f"{LESSON} --only transfer", ("study", "default")),
}


def waves(height: int, width: int, pitch: float) -> Tensor:
    """A picture of three crossing waves.  Shape: (1, 3, height, width)."""
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    phases = (rows + columns, rows - 2 * columns, 3 * rows + columns)
    return torch.stack([0.5 + 0.4 * torch.sin(phase / pitch) for phase in phases])[None]


def yardstick(name: str | Recipe) -> dict[str, float]:
    """Every term of the loss, size by size, in a short run with a recipe on waves in the style of others."""
    content, style = waves(SIZE // 2, SIZE, 9.0), waves(SIZE, SIZE // 2, 5.0)
    settings = {"size": SIZE, "iterations": EVALUATIONS, "dtype": "float32", "device": "cpu"}
    painter = Painter()
    if name == "reconstruct":
        run = painter.prepare_reconstruction(content, layers=["relu3_1"], **settings)
    else:
        run = painter.prepare(content, style, preset=name, **settings)
    best: dict[int, Step] = {}  # of each size; a solver's trial beyond it is another with another rounding
    for step in run:
        size = max(step.size)
        best[size] = min(step, best.get(size, step), key=lambda each: each.loss)
    return {f"{size}/{term}": float(f"{v:.4g}") for size, step in best.items() for term, v in step.terms.items()}


def digest(picture: str) -> str:
    """The sha256 of a picture's file."""
    return hashlib.sha256((DOCS / picture).read_bytes()).hexdigest()


def stale() -> dict[str, str]:
    """The pictures that are not what they would be today, and why."""
    known = json.loads(LIST.read_text(encoding="utf-8"))
    now = {name: yardstick(name) for name in sorted({each for _, shown in PICTURES.values() for each in shown})}
    found = {}
    for picture in {**PICTURES, **known}:
        then = known.get(picture)
        if then is None or picture not in PICTURES:
            found[picture] = "it is in one of the two lists only"
        elif then["sha256"] != digest(picture):
            found[picture] = "the file is another"
        else:
            moved = [name for name in PICTURES[picture][1] if not near(then["recipes"].get(name, {}), now[name])]
            if moved or then["command"] != PICTURES[picture][0]:
                found[picture] = f"made by other settings, weights or code of {', '.join(moved)}: {then['command']}"
    return found


def near(then: dict[str, float], now: dict[str, float]) -> bool:
    """Whether two yardsticks differ by no more than rounding."""
    least = TOLERANCE * sum(then.values()) / max(1, len(then))
    return then.keys() == now.keys() and all(abs(v - now[k]) <= TOLERANCE * v + least / 10 for k, v in then.items())


def make(pictures: list[str], folders: dict[str, Path]) -> None:
    """Carry out the commands of pictures, and write down what made them."""
    known = json.loads(LIST.read_text(encoding="utf-8")) if LIST.exists() else {}
    for command in dict.fromkeys(PICTURES[each][0] for each in pictures):
        program, *words = shlex.split(command.format(**folders))
        run = [sys.executable, *words] if program == "python" else [sys.executable, "-m", "impasto", *words]
        print(command, flush=True)
        subprocess.run(run, cwd=ROOT, check=True)
        for picture in [each for each in pictures if PICTURES[each][0] == command]:
            page = (folders["out"] / picture).with_suffix(".png")
            if str(page) in words:
                Image.open(page).convert("RGB").save(DOCS / picture, quality=QUALITY)
            measured = {name: yardstick(name) for name in PICTURES[picture][1]}
            known[picture] = {"command": command, "sha256": digest(picture), "recipes": measured}
        LIST.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--make", nargs="+", choices=PICTURES, metavar="NAME")
    for name in ("content", "style", "out"):
        parser.add_argument(f"--{name}", type=Path, default=Path(name.upper()), help="folder, for --make")
    args = parser.parse_args()
    if args.make:
        make(args.make, {"content": args.content, "style": args.style, "out": args.out})
        return 0
    found = stale()
    for picture, why in found.items():
        print(f"{picture}: {why}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
