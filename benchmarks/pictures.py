"""Pictures by any recipes, measured under the true VGG-19 and laid out on sheets to look at.

    python benchmarks/pictures.py --content FOLDER --style FOLDER --out FOLDER [--recipes FILE.json]
        [--results LABEL=FOLDER ...] [--pairs 12] [--size 512] [--sheet OUT.jpg] [--only LABEL ...]

FILE.json has recipes by labels, each what differs from a preset: {"bold": {"preset": "default", "strength": 0.6}}.
Pictures are made into OUT/LABEL/CONTENT-STYLE.png, and what is there already is left; `--results` takes those of
another producer, of the same names. Every figure is a mean over the pairs; lower is nearer.

* `gram`: mean over relu1_1 ... relu5_1 of |G_x - G_s| / |G_s|, at the full, half and quarter size.
* `N`: how far features are from their nearest neighbours, by the centred cosine distance on relu2_1 and relu3_1, from
  the picture to the style and from the style to the picture, halved sum, at the same three sizes.
* `content`: |F_x - F_c| / |F_c| at relu4_2; `self`: mean difference of the cosine distances between a picture's own
  24x24 places, on relu3_1, from those of the photograph.
* `flat`, `busy`: RMS of the luminance's detail (less than 2 pixels) in the photograph's flattest and busiest quarter,
  times 255; the photograph's own come first.
* `rims`: how much lighter or darker flat places are close beside the photograph's edges than farther off, RMS, times
  255 (`training/rims.py`).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, normalize

from impasto import Painter, load_image
from impasto.color import luminance
from impasto.devices import resolve_device
from impasto.encoders.catalog import build_encoder, find_weights
from impasto.encoders.chain import ChainEncoder
from impasto.images import resize
from impasto.losses import blurred
from impasto.presets import preset
from impasto.recipe import from_json
from pairs import sheet
from quality import CONTENT_LAYER, STYLE_LAYERS, at_size, gram_distance, pairs

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))

from rims import rims

Look = Callable[[int], dict[str, Tensor]]

LAYERS = (*STYLE_LAYERS, CONTENT_LAYER)
NEIGHBORS = ("relu2_1", "relu3_1")
PLACES = 4096
SCALES = (1, 2, 4)


@torch.no_grad()
def neighbor_distance(x: Tensor, y: Tensor) -> float:
    """(N1 + N2) / 2 of two sets of features.  Shape: (1, C, H, W) each."""
    a, b = (_places(each) for each in (x, y))
    near = normalize(a - a.mean(0), dim=1) @ normalize(b - b.mean(0), dim=1).T
    return 1 - float(near.amax(1).mean() + near.amax(0).mean()) / 2


def _places(features: Tensor) -> Tensor:
    """At most `PLACES` positions, the same at each call.  Shape: (1, C, H, W) -> (P, C)."""
    rows = features[0].flatten(1).T
    chosen = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))[:PLACES]
    return rows[chosen]


def self_similarity(features: Tensor) -> Tensor:
    """Cosine distances between the places of a picture.  Shape: (1, C, H, W) -> (576, 576)."""
    rows = normalize(adaptive_avg_pool2d(features, 24)[0].flatten(1).T, dim=1)
    return 1 - rows @ rows.T


def detail(image: Tensor, content: Tensor) -> tuple[float, float]:
    """The RMS of an image's detail where the content is flattest and where it is busiest, times 255."""
    fine, energy = (luminance(each) - blurred(luminance(each), 2.0) for each in (image, content))
    energy = blurred(energy.square(), 3.0)
    low, high = torch.quantile(energy, torch.tensor([0.25, 0.75]))
    return tuple(255 * float(fine[where].square().mean().sqrt()) for where in (energy <= low, energy >= high))


class Judge:
    """The true VGG-19 in float32, and what it sees of photographs and paintings, once for each."""

    def __init__(self, size: int):
        self.size = size
        device = resolve_device("auto")
        self.encoder: ChainEncoder = build_encoder(find_weights("vgg19"), dtype=torch.float32, device=device)
        self.seen = cache(self._seen)

    def pixels(self, path: Path) -> Tensor:
        """A picture with a long side of `size`."""
        return at_size(path, self.size)

    @torch.no_grad()
    def look(self, image: Tensor, scale: int) -> dict[str, Tensor]:
        """Features of an image at a scale."""
        height, width = image.shape[-2:]
        small = image if scale == 1 else resize(image, round(height / scale), round(width / scale))
        return dict(self.encoder(small, LAYERS))

    def _seen(self, path: Path, scale: int) -> dict[str, Tensor]:
        return self.look(self.pixels(path), scale)

    def measure(self, image: Tensor, content: Path, style: Path) -> dict[str, float]:
        """All figures of a picture."""
        return self._figures(image, partial(self.look, image), content, style)

    def measure_photograph(self, content: Path, style: Path) -> dict[str, float]:
        """All figures of the photograph itself: where every picture begins."""
        return self._figures(self.pixels(content), partial(self.seen, content), content, style)

    def _figures(self, image: Tensor, look: Look, content: Path, style: Path) -> dict[str, float]:
        found: dict[str, float] = {}
        for scale in SCALES:
            x, s = look(scale), self.seen(style, scale)
            found[f"gram/{scale}"] = gram_distance(x, s)
            found[f"N/{scale}"] = sum(neighbor_distance(x[each], s[each]) for each in NEIGHBORS) / len(NEIGHBORS)
            if scale == 1:
                c = self.seen(content, 1)
                found["content"] = float((x[CONTENT_LAYER] - c[CONTENT_LAYER]).norm() / c[CONTENT_LAYER].norm())
                own, other = (self_similarity(each["relu3_1"]) for each in (x, c))
                found["self"] = float((own - other).abs().mean())
        photograph = self.pixels(content)
        found["flat"], found["busy"] = detail(image, photograph)
        found["rims"] = 255 * float(rims(image, photograph).sqrt())
        return found


def table(rows: dict[str, list[dict[str, float]]]) -> str:
    """Means over the pairs."""
    names = list(next(iter(rows.values()))[0])
    lines = ["| recipe | " + " | ".join(names) + " | pictures |", "|---|" + "---|" * (len(names) + 1)]
    for label, found in rows.items():
        means = [sum(each[name] for each in found) / len(found) for name in names]
        lines.append(f"| {label} | " + " | ".join(f"{mean:.3f}" for mean in means) + f" | {len(found)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--content", type=Path, required=True, help="folder of photographs")
    parser.add_argument("--style", type=Path, required=True, help="folder of paintings")
    parser.add_argument("--out", type=Path, required=True, help="folder for pictures and figures")
    parser.add_argument("--recipes", type=Path, help="recipes by their labels; without, the preset default")
    parser.add_argument("--only", nargs="*", help="labels of FILE.json to make; without, all")
    parser.add_argument("--results", nargs="*", default=[], metavar="LABEL=FOLDER")
    parser.add_argument("--pairs", type=int, default=12, help="how many of all combinations")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--sheet", type=Path, help="contact sheet to write")
    parser.add_argument("--cell", type=int, default=320)
    args = parser.parse_args()
    asked = json.loads(args.recipes.read_text()) if args.recipes else {"default": {}}
    recipes = {label: from_json("transfer", asked[label], preset) for label in args.only or asked}
    folders = {label: args.out / label for label in recipes} | {
        label: Path(folder) for label, folder in (each.split("=", 1) for each in args.results)
    }
    judge, painter, rows, images = Judge(args.size), Painter(dtype="float32"), {}, []
    for content, style in pairs(args.content, args.style, args.pairs):
        name = f"{content.stem}-{style.stem}"
        images += [(name, Image.open(content)), (style.stem, Image.open(style))]
        for label, folder in folders.items():
            file = folder / f"{name}.png"
            figures = args.out / "figures" / label / f"{name}.json"
            if label in recipes and not file.exists():
                folder.mkdir(parents=True, exist_ok=True)
                began = time.perf_counter()
                painter.stylize(content, style, preset=recipes[label], size=args.size).save(file)
                figures.parent.mkdir(parents=True, exist_ok=True)
                figures.write_text(json.dumps({"seconds": time.perf_counter() - began}))
            found = json.loads(figures.read_text()) if figures.exists() else {"seconds": float("nan")}
            if "gram/1" not in found:
                picture = load_image(file).pixels
                found |= judge.measure(resize(picture, *judge.pixels(content).shape[-2:]), content, style)
                figures.parent.mkdir(parents=True, exist_ok=True)
                figures.write_text(json.dumps(found))
            rows.setdefault(label, []).append(found)
            images.append((f"{label} {found['seconds']:.0f} s", Image.open(file)))
        rows.setdefault("the photograph", []).append({"seconds": 0.0} | judge.measure_photograph(content, style))
        print(name, flush=True)
    print(f"\n{table(rows)}")
    if args.sheet:
        sheet(images, columns=2 + len(folders), cell=args.cell).save(args.sheet, quality=88)


if __name__ == "__main__":
    main()
