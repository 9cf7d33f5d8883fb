"""Train the network of instant mode, by VGG-19: `python training/instant.py --images FOLDER --out RUN --steps N`.

`compact` sees, and stays as it is; features are transported to a style's statistics, and a decoder paints. What it
paints is judged by VGG-19 as the optimiser's pictures are: relative Gram matrices, means and deviations at relu1_1 to
relu4_1 for the style, of the picture and of the same at half its size; features for the content, and steps where the
photograph is flat; weighed by a strength that is drawn anew for each picture. At strength 0 the photograph has to come
back.

VGG-19's view of the last --styles styles and twice as many contents is kept.

The run is logged to RUN/log.jsonl and saved to RUN/state.pt every --save seconds; the same command goes on from there,
with another --steps if wished. With --seconds the rate falls to nothing by then, whatever the step. RUN/sheet.png has
held-out pairs as they are painted by then.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from data import Pictures, crop, load_pictures, stream
from impasto import swatches
from impasto.encoders.base import Sums
from impasto.encoders.catalog import build_encoder
from impasto.encoders.chain import ChainEncoder
from impasto.encoders.packed import compact_weights, vgg19_weights
from impasto.images import to_pil
from impasto.instant.decoder import CODED, SKIPS, Decoder, code
from impasto.instant.export import roots_by_products
from impasto.instant.network import maps, with_grain
from impasto.instant.packed import DECODER, FILE
from impasto.losses import flat_steps, flatness, out_of_range, smoothed
from impasto.statistics import Moments, moments
from muon import Muon
from rims import rims

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
CONTENT_LAYERS = {"relu3_1": 0.2, "relu4_1": 0.5}
SCALES = (1, 2)  # sizes that the style is compared at: the picture's own, and half of it
STYLE_SIDE = 176  # pixels of a style, at most
SWATCH_SEEDS = 3
SHARES = {"paintings": 0.72, "textures": 0.1, "swatches": 0.18}  # of the styles
JUDGED, SHOWN = 24, 6  # held-out pairs


@dataclass(frozen=True)
class Networks:
    """The encoder that instant mode sees with, and VGG-19 in bfloat16, both frozen."""

    student: ChainEncoder
    teacher: ChainEncoder
    seeing: dict[str, Tensor]  # the student's weights
    smooth: float  # contrast of the texture that the teacher does not see in styles


@dataclass(frozen=True)
class Style:
    """What is kept of a style: its moments, as the student sees them, and VGG-19 at each of `SCALES`, and as colors."""

    student: dict[str, Moments]
    teacher: tuple[dict[str, Moments], ...]
    colors: Moments


@dataclass(frozen=True)
class Content:
    """What is kept of a content: its pixels, uint8 (3, side, side), and VGG-19's features, bfloat16 (1, C, H, W)."""

    pixels: Tensor
    features: dict[str, Tensor]


def uniform(low: float, high: float, generator: torch.Generator) -> float:
    """A number between two."""
    return low + (high - low) * torch.rand((), generator=generator).item()


def any_of(pictures: Sequence[Tensor], generator: torch.Generator) -> Tensor:
    """One of the pictures."""
    return pictures[int(torch.randint(len(pictures), (), generator=generator))]


def recolored(image: Tensor, generator: torch.Generator) -> Tensor:
    """A third of the pictures in other colors: channels mixed, contrast and gamma changed.  Shape: (3, H, W)."""
    if uniform(0, 1, generator) > 1 / 3:
        return image
    mix = torch.eye(3)[torch.randperm(3, generator=generator)] if uniform(0, 1, generator) < 0.5 else torch.eye(3)
    if uniform(0, 1, generator) < 0.15:
        mix = torch.full((3, 3), 1 / 3)
    gain = 1 + 0.5 * (torch.rand(3, 1, 1, generator=generator) - 0.5)
    gamma = 2 ** uniform(-0.7, 0.7, generator)
    mixed = torch.einsum("ij,jhw->ihw", mix, image).clamp(0, 1) ** gamma
    return ((mixed - 0.5) * gain + 0.5 + uniform(-0.1, 0.1, generator)).clamp(0, 1)


def style_crop(picture: Tensor, generator: torch.Generator) -> Tensor:
    """A picture at a random scale, STYLE_SIDE pixels of it at most.  Shape: (3, H, W) uint8 -> (1, 3, h, w) in [0, 1]."""
    image = picture[None].float() / 255
    height, width = image.shape[-2:]
    scale = max(2 ** uniform(-1, 0.5, generator), 80 / min(height, width))
    if max(height, width) > 300:  # a swatch
        scale = max(scale * 0.7, 160 / min(height, width))
    size = [round(side * scale) for side in (height, width)]
    image = F.interpolate(image, size=size, mode="bilinear", antialias=True).clamp(0, 1)
    top, left = (int(torch.randint(max(1, side - STYLE_SIDE + 1), (), generator=generator)) for side in size)
    image = image[..., top : top + STYLE_SIDE, left : left + STYLE_SIDE]
    return image.flip(-1) if uniform(0, 1, generator) < 0.5 else image


def drawn_swatches(kept: Path) -> list[Tensor]:
    """The package's swatches, drawn once a run.  Shape: uint8 (3, H, W) each."""
    if kept.exists():
        return list(torch.load(kept, weights_only=True))
    drawn = [
        swatches.draw(name, width=448, height=336, seed=seed)
        for name in swatches.names()
        for seed in range(SWATCH_SEEDS)
    ]
    pictures = [torch.from_numpy(picture.copy()).permute(2, 0, 1).contiguous() for picture in drawn]
    torch.save(torch.stack(pictures), kept)
    return pictures


def new_style(pictures: Mapping[str, list[Tensor]], generator: torch.Generator) -> Tensor:
    """A style.  Shape: (1, 3, H, W) in [0, 1]."""
    kinds = list(SHARES)
    index = torch.multinomial(torch.tensor(list(SHARES.values())), 1, generator=generator)
    image = style_crop(any_of(pictures[kinds[int(index)]], generator), generator)
    return recolored(image[0], generator)[None]


def new_content(pictures: Mapping[str, list[Tensor]], side: int, generator: torch.Generator) -> Tensor:
    """A content: a photograph, sometimes a painting.  Shape: (3, side, side) in [0, 1]."""
    kind = "photos" if uniform(0, 1, generator) < 0.85 else "paintings"
    return recolored(crop(any_of(pictures[kind], generator), side, generator), generator)


class Pool:
    """Styles and contents, always new ones, each seen by the networks once."""

    def __init__(self, styles: Iterator[Tensor], contents: Iterator[Tensor], networks: Networks, kept: int):
        self.new_styles, self.new_contents, self.networks = styles, contents, networks
        self.styles: deque[Style] = deque(maxlen=kept)
        self.contents: deque[Content] = deque(maxlen=2 * kept)

    def refresh(self, styles: int, contents: int) -> None:
        """Take in new ones; the oldest make room."""
        self.styles.extend(seen_style(next(self.new_styles), self.networks) for _ in range(styles))
        self.contents.extend(seen_content(next(self.new_contents), self.networks) for _ in range(contents))

    def drawn(self, count: int, generator: torch.Generator) -> tuple[list[Style], list[Content]]:
        """Styles and contents, drawn at random."""
        draw = lambda pool: [pool[int(i)] for i in torch.randint(len(pool), (count,), generator=generator)]  # noqa: E731
        return draw(self.styles), draw(self.contents)


@torch.no_grad()
def seen_style(image: Tensor, networks: Networks) -> Style:
    """Shape: (1, 3, H, W) in [0, 1]."""
    image = image.to(networks.student.device)
    calm = smoothed(image, networks.smooth) if networks.smooth else image
    seen = (moments_of(networks.teacher, smaller(calm, scale), STYLE_LAYERS) for scale in SCALES)
    return Style(moments_of(networks.student, image, CODED), tuple(seen), moments(image))


@torch.no_grad()
def seen_content(image: Tensor, networks: Networks) -> Content:
    """Shape: (3, H, W) in [0, 1]."""
    pixels = image.to(networks.student.device).mul(255).round().to(torch.uint8)
    return Content(pixels, networks.teacher(pixels[None].float() / 255, CONTENT_LAYERS))


def smaller(image: Tensor, scale: int) -> Tensor:
    """Shape: (N, 3, H, W) -> (N, 3, H/scale, W/scale)."""
    if scale == 1:
        return image
    size = [max(16, side // scale) for side in image.shape[-2:]]
    return F.interpolate(image, size=size, mode="bilinear", antialias=True)


def moments_of(
    encoder: ChainEncoder, image: Tensor, layers: Sequence[str] | Mapping[str, object]
) -> dict[str, Moments]:
    """The moments of some layers, by name."""
    sums, _ = encoder.sums(image, [Sums(layer) for layer in layers])
    return {each.layer: found for each, found in sums.items()}


def stacked(found: Sequence[Mapping[str, Moments]]) -> dict[str, Moments]:
    """The moments of several pictures as those of a batch."""
    join = lambda parts: torch.cat(list(parts))  # noqa: E731
    return {
        layer: Moments(
            join(each[layer].count for each in found),
            join(each[layer].first for each in found),
            join(each[layer].second for each in found),
        )
        for layer in found[0]
    }


def strengths(count: int, generator: torch.Generator) -> Tensor:
    """The first is 0, most of the others 0.5, the rest between 0 and 1.  Shape: (count,)."""
    drawn = torch.rand(count, generator=generator)
    usual = torch.rand(count, generator=generator) < 0.6
    out = torch.where(usual, torch.full_like(drawn, 0.5), drawn)
    out[0] = 0
    return out


def painted(
    decoder: Decoder,
    student: ChainEncoder,
    images: Tensor,
    styles: dict[str, Moments],
    strength: Tensor,
    corner: tuple[int, int] = (0, 0),
) -> Tensor:
    """What the decoder paints, with the grain as it is from `corner` on.

    Shape: images (N, 3, H, W), moments of N styles, strength (N,) -> (N, 3, H, W).
    """
    with torch.no_grad():
        amount = (2 * strength).clamp_max(1)
        images = with_grain(images, decoder, amount, corner)
        sums, features = student.sums(images, [Sums(layer) for layer in CODED], list(SKIPS))
        own = {each.layer: found for each, found in sums.items()}
        freedom = (2 * strength - 1).clamp_min(0)
        on_gpu = images.device.type == "cuda"  # where eigenvalues take long
        moved_by = maps(decoder, own, styles, amount, roots_by_products if on_gpu else None)
        moved = {n: each(features[n].float()) for n, each in moved_by.items()}
        moved = {n: f.contiguous(memory_format=torch.channels_last) for n, f in moved.items()}
        mixed = torch.lerp(code(own), code(styles), amount[:, None])
    with torch.autocast(images.device.type, torch.bfloat16):
        return decoder(moved, decoder.leads(mixed, freedom)).float()


def style_errors(found: Mapping[str, Moments], target: Mapping[str, Moments]) -> Tensor:
    """Gram matrices' error plus means' and deviations', each relative to the target, by layer.  Shape: (N, layers)."""
    columns = []
    for layer in STYLE_LAYERS:
        x, t = found[layer], target[layer]
        gram = (x.gram - t.gram).square().sum((1, 2)) / t.gram.square().sum((1, 2))
        deviations = [(each.variance + 1e-8).sqrt() for each in (x, t)]
        error = (x.mean - t.mean).square().sum(1) + (deviations[0] - deviations[1]).square().sum(1)
        columns.append(gram + error / (t.mean.square() + t.variance).sum(1))
    return torch.stack(columns, 1)


def color_errors(found: Moments, target: Moments) -> Tensor:
    """Errors of mean and covariance of colors, each relative to the target's variance.  Shape: (N, 1)."""
    variance = target.variance.sum(1) + 1e-3
    mean = (found.mean - target.mean).square().sum(1) / variance
    return (mean + (found.covariance - target.covariance).square().sum((1, 2)) / variance.square())[:, None]


def content_errors(found: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> Tensor:
    """Squared errors of features, relative to the target, weighted by layer.  Shape: (N,)."""
    errors = []
    for layer, weight in CONTENT_LAYERS.items():
        x, t = found[layer].float(), target[layer].float()
        errors.append(weight * (x - t).square().sum((1, 2, 3)) / t.square().sum((1, 2, 3)))
    return torch.stack(errors).sum(0)


def losses(
    decoder: Decoder,
    networks: Networks,
    styles: list[Style],
    contents: list[Content],
    strength: Tensor,
    corner: tuple[int, int],
    args: argparse.Namespace,
) -> tuple[dict[str, Tensor], Tensor]:
    """The parts of the loss of a batch, and what was painted."""
    images = torch.stack([each.pixels for each in contents]).float() / 255
    images = images.contiguous(memory_format=torch.channels_last)
    kept = [i for i, each in enumerate(strength.tolist()) if each > 0]
    strength = strength.to(images)
    out = painted(decoder, networks.student, images, stacked([each.student for each in styles]), strength, corner)
    judged = torch.tensor(kept, device=images.device)
    sums, features = networks.teacher.sums(out[judged], [Sums(n) for n in STYLE_LAYERS], list(CONTENT_LAYERS))
    found = [{each.layer: moments for each, moments in sums.items()}]
    found += [moments_of(networks.teacher, smaller(out[judged], scale), STYLE_LAYERS) for scale in SCALES[1:]]
    targets = [stacked(each) for each in zip(*(styles[i].teacher for i in kept), strict=True)]
    held = {n: torch.cat([contents[i].features[n] for i in kept]) for n in CONTENT_LAYERS}
    s = strength[judged]
    styled = torch.cat([style_errors(x, t) for x, t in zip(found, targets, strict=True)], 1)
    colors = stacked([{"pixels": styles[i].colors} for i in kept])["pixels"]
    styled = torch.cat([styled, color_errors(moments(out[judged]), colors)], 1)
    flat = flatness(images) * (2 * (1 - strength)).square()[:, None, None, None]
    parts = {
        "style": (args.style * (2 * s).square() * styled.log1p().mean(1)).mean(),
        "content": (args.content * (2 * (1 - s)).square() * content_errors(features, held)).mean(),
        "same": (args.same * (1 - 2 * strength).clamp_min(0).square() * (out - images).abs().mean((1, 2, 3))).mean(),
        "flat": args.flat * flat_steps(out, images, flat),
        "rims": args.rims * ((2 * (1 - strength)).square() * rims(out, images)).mean(),
        "range": 100 * out_of_range(out),
    }
    return parts, out


def judge_pairs(pictures: Pictures, networks: Networks) -> tuple[list[Tensor], list[Tensor]]:
    """Held-out photographs and paintings, the same in each run.  Shape: (1, 3, 192, 192) in [0, 1] each."""
    generator = torch.Generator().manual_seed(1)
    draw = lambda kind: crop(any_of(pictures.held_out[kind], generator), 192, generator)[None]  # noqa: E731
    return [draw("photos") for _ in range(JUDGED)], [draw("paintings") for _ in range(JUDGED)]


@torch.no_grad()
def judgement(
    decoder: Decoder, networks: Networks, contents: list[Tensor], styles: list[Tensor], sheet: Path
) -> dict[str, float]:
    """Style by layer and content at strength 0.5, PSNR at 0, over held-out pairs; the first of them as a sheet."""
    found: dict[str, list[float]] = {}
    rows = []
    device = networks.student.device
    for photo, painting in zip(contents, styles, strict=True):
        photo, painting = photo.to(device), painting.to(device)
        style, content = seen_style(painting, networks), seen_content(photo[0], networks)
        out, same = (
            painted(decoder, networks.student, photo, style.student, torch.tensor([s], device=device))
            for s in (0.5, 0.0)
        )
        out, same = out.clamp(0, 1), same.clamp(0, 1)
        sums, features = networks.teacher.sums(out, [Sums(n) for n in STYLE_LAYERS], list(CONTENT_LAYERS))
        by_layer = style_errors({each.layer: m for each, m in sums.items()}, style.teacher[0])[0]
        values = {**dict(zip(STYLE_LAYERS, by_layer.tolist(), strict=True))}
        half = moments_of(networks.teacher, smaller(out, 2), STYLE_LAYERS)
        values["half"] = float(style_errors(half, style.teacher[1]).mean())
        values["flat"] = 1000 * float(flat_steps(out, photo, flatness(photo)))
        values["rims"] = 1000 * rims(out, photo).sqrt().item()
        values["color"] = color_errors(moments(out), style.colors).item()
        values["content"] = content_errors(features, content.features).item()
        values["psnr"] = -10 * math.log10((same - photo).square().mean().item())
        for name, value in values.items():
            found.setdefault(name, []).append(value)
        if len(rows) < SHOWN:
            free = painted(decoder, networks.student, photo, style.student, torch.tensor([1.0], device=device)).clamp(
                0, 1
            )
            rows.append(torch.cat([photo, painting, out, free, same], 3))
    to_pil(torch.cat(rows, 2).cpu()).save(sheet)
    return {name: sorted(values)[len(values) // 2] for name, values in found.items()}


def initialise(decoder: Decoder, styles: Sequence[Style]) -> None:
    """Orthogonal filters; leads that do nothing yet; the usual code and its spread from styles."""
    codes = code(stacked([each.student for each in styles]))
    decoder.usual.copy_(codes.mean(0))
    decoder.spread.copy_(codes.std(0).clamp_min(1e-2))
    for module in decoder.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.orthogonal_(module.weight.flatten(1), 0.2 if module is decoder.last else 2**0.5)
            nn.init.zeros_(module.bias)
    for name, module in decoder.named_modules():
        if name.endswith("lead"):
            nn.init.zeros_(module.weight)
            nn.init.zeros_(module.bias)


def optimisers(decoder: Decoder, lr: float) -> list[tuple[torch.optim.Optimizer, float]]:
    """Each with its rate: Muon for all convolutions but the last."""
    weights = [p for n, p in decoder.named_parameters() if n.endswith("conv.weight")]
    chosen = {id(p) for p in weights}
    others = [p for p in decoder.parameters() if id(p) not in chosen]
    return [(Muon(weights), lr), (torch.optim.Adam(others, betas=(0.9, 0.98)), 0.1 * lr)]


def rate(done: int, left: float, decay: float) -> float:
    """1, after a rise over 300 steps; it falls to 0 where less than a share `decay` of the run is `left`."""
    return max(0.0, min(1.0, left / decay, (done + 20) / 300))


def as_packaged() -> dict[str, Any]:
    """The network in the package as a run's state at its first step."""
    tensors = {name: tensor.float() for name, tensor in load_file(FILE).items()}
    decoder = {name.removeprefix(DECODER): tensor for name, tensor in tensors.items() if name.startswith(DECODER)}
    encoder = {name: tensor for name, tensor in tensors.items() if not name.startswith(DECODER)}
    return {"step": 0, "encoder": encoder, "decoder": decoder, "average": decoder}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True, help="folder with paintings/, photos/, textures/")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--steps", type=int, default=40000)
    parser.add_argument("--decay", type=float, default=0.7, help="share of the steps in which the rate falls to zero")
    parser.add_argument("--batch", type=int, default=6)
    parser.add_argument("--side", type=int, default=128, help="pixels of a content")
    parser.add_argument("--lr", type=float, default=0.006)
    parser.add_argument("--style", type=float, default=8.0, help="weight of the style terms at strength 0.5")
    parser.add_argument("--content", type=float, default=0.3, help="factor of the content terms at strength 0.5")
    parser.add_argument("--flat", type=float, default=10.0, help="weight of steps in what is flat, at strength 0.5")
    parser.add_argument("--rims", type=float, default=60.0, help="weight of rims beside edges, at strength 0.5")
    parser.add_argument("--near", type=float, default=0.2, help="share of relu2_1 that counts from strength 0.5 on")
    parser.add_argument("--grain", type=float, default=0.04, help="deviation of the grain from strength 0.5 on")
    parser.add_argument("--same", type=float, default=20.0, help="weight of the photograph itself at strength 0")
    parser.add_argument("--packaged", action="store_true", help="begin as the network in the package")
    parser.add_argument("--smooth", type=float, default=0.0, help="contrast of texture that styles are smoothed of")
    parser.add_argument("--styles", type=int, default=192, help="styles that are kept")
    parser.add_argument("--fresh", type=int, default=1, help="new styles a step, and half of the new contents")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="end after so long, if not before")
    parser.add_argument("--workers", type=int, default=0, help="processes that draw crops, for each of both kinds")
    parser.add_argument("--device", type=torch.device, default="cpu")
    parser.add_argument("--save", type=float, default=300, help="seconds between two savings")
    parser.add_argument("--judge", type=int, default=1000, help="steps between two judgements")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(args.threads)
    torch.backends.cudnn.allow_tf32 = False  # variances of what is nearly flat would be rounding, and maps blow up
    state_file, device = args.out / "state.pt", args.device
    state = None
    if state_file.exists():
        state = torch.load(state_file, weights_only=True, map_location="cpu")
    elif args.packaged:
        state = as_packaged()
    first = state["step"] if state else 0

    pictures = load_pictures(args.images)
    styles = {**pictures.train, "swatches": drawn_swatches(args.out / "swatches.pt")}
    new_styles = stream(lambda generator: new_style(styles, generator), 2 * first + 1, args.workers)
    new_contents = stream(lambda g: new_content(pictures.train, args.side, g), 2 * first + 2, args.workers)
    torch.manual_seed(0)
    weights = compact_weights()
    if state:  # the package may have another by now
        weights = replace(weights, tensors=state["encoder"])
    networks = Networks(
        build_encoder(weights, device=device),
        build_encoder(vgg19_weights(), padding="replicate", dtype=torch.bfloat16, device=device),
        weights.tensors,
        args.smooth,
    )
    generator = torch.Generator().manual_seed(first)
    pool = Pool(new_styles, new_contents, networks, args.styles)
    pool.refresh(args.styles // (1 if state else 2), args.styles * 2 // (1 if state else 2))
    pairs = judge_pairs(pictures, networks)

    decoder = Decoder().to(device)
    if state:
        decoder.load_state_dict({"grain": decoder.grain, **state["decoder"]})
    else:
        initialise(decoder, pool.styles)
    decoder.near.fill_(args.near)
    decoder.grain.fill_(args.grain)
    decoder.to(memory_format=torch.channels_last)
    average = copy.deepcopy(decoder).requires_grad_(False)
    steppers = optimisers(decoder, args.lr)
    if state:
        average.load_state_dict({**state["average"], "near": decoder.near, "grain": decoder.grain})
        for (optimiser, _), saved in zip(steppers, state.get("optimisers", ()), strict="optimisers" in state):
            optimiser.load_state_dict(saved)
    print(f"{sum(p.numel() for p in decoder.parameters()):,} weights; from step {first}", flush=True)

    started = saved_at = time.monotonic()
    running: dict[str, float] = {}
    for step in range(first, args.steps):
        left = min((args.steps - step) / args.steps, 1 - (time.monotonic() - started) / args.seconds)
        for optimiser, lr in steppers:
            optimiser.param_groups[0]["lr"] = lr * rate(step - first, left, args.decay)
        pool.refresh(args.fresh, 2 * args.fresh)
        drawn = pool.drawn(args.batch, generator)
        corner = tuple(torch.randint(4096, (2,), generator=generator).tolist())
        parts, _ = losses(decoder, networks, *drawn, strengths(args.batch, generator), corner, args)
        for optimiser, _ in steppers:
            optimiser.zero_grad(set_to_none=True)
        total = torch.stack(list(parts.values()))
        total.sum().backward()
        gradients = nn.utils.get_total_norm([p.grad for p in decoder.parameters() if p.grad is not None])
        if not (total.sum() + gradients).isfinite():
            print(step, "left out: not finite", flush=True)
            continue
        nn.utils.clip_grad_norm_(steppers[1][0].param_groups[0]["params"], 5.0)
        for optimiser, _ in steppers:
            optimiser.step()
        done, beta = step + 1, min(0.999, (step + 1) / (step + 50))
        torch._foreach_lerp_(list(average.parameters()), [p.detach() for p in decoder.parameters()], 1 - beta)
        if done % 10 == 0:
            for name, part in zip(parts, total.tolist(), strict=True):
                running[name] = running.get(name, part) * 0.8 + part * 0.2
        if done % 50 == 0:
            pace = (time.monotonic() - started) / (done - first)
            print(done, f"{pace:.3f} s", *(f"{name} {value:.3f}" for name, value in running.items()), flush=True)
        last = done == args.steps or left <= 0
        if done % args.judge == 0 or last:
            found = judgement(average, networks, *pairs, args.out / "sheet.png")
            print(done, "held out:", *(f"{name} {value:.3f}" for name, value in found.items()), flush=True)
            with (args.out / "log.jsonl").open("a") as file:
                file.write(json.dumps({"step": done, "held_out": found, "train": running}) + "\n")
        if time.monotonic() - saved_at > args.save or last:
            kept = {"step": done, "decoder": decoder.state_dict(), "average": average.state_dict()}
            kept["encoder"] = networks.seeing
            kept["optimisers"] = [optimiser.state_dict() for optimiser, _ in steppers]
            torch.save(kept, state_file.with_suffix(".part"))
            state_file.with_suffix(".part").replace(state_file)
            saved_at = time.monotonic()
        if last:
            break


if __name__ == "__main__":
    main()
