"""Whether clips hold still: how far frames are from those before, moved as the clip truly moves, beside other ways.

    python benchmarks/video.py --style FILE --out DIR [--frames 12] [--size 512] [--scene rocket] [--bare]
        [--ways ours ...] [--clip FOLDER] [--still NOISE] [--set NAME=VALUE ...] [--sheet OUT] [--film OUT]
        [--timed]

The clip is a scene of scikit-image under a camera that pans, zooms and turns, with a cat cut out and moved over it
unless it is `--bare`: its motion and what it hides are known exactly. `--clip` takes a folder of frames instead, judged
by the flow.npz of DeepFlow in it (Ruder et al.'s marple8) or else by scikit-image's TV-L1; neither is the flow that
frames are painted by. `--still` is one photograph all the time, with some noise.

* `independent`: every frame as a picture of its own, as `impasto transfer` makes it
* `same start`: every frame from the one before as it is, not moved
* `warped start`: from the one before, moved, with nothing that holds it there
* `ours`: `impasto video`

E_warp is the root of the mean squared difference in [0, 1] between a frame and the one i frames before it, moved to it,
where both show the same (Lai et al. 2018, whose figure is its square). `style` is the distance of single frames from
the painting as the packaged VGG-19 sees it (benchmarks/quality.py), `fine` the energy of what a blur of 2 pixels takes
away, `mean` the mean of the last frame less that of the first, of 255. What is there already is not painted again.

The clip of the README: `--style the_scream.jpg --scene coffee --bare --size 400 --frames 20 --ways independent ours
--film docs/video.webp`.

With `--timed` nothing is judged: the scene is a video file, of which `impasto video` makes another, and its seconds and
the peak of its memory are printed.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import torch
from PIL import Image, ImageDraw
from skimage import data
from skimage.registration import optical_flow_tvl1

from impasto.images import load_image, resize
from impasto.loading import Encoders
from impasto.losses import blurred
from impasto.preparation import Pictures
from impasto.presets import preset
from impasto.recipe import Recipe
from impasto.video.flow import Motion
from impasto.video.reading import planes
from impasto.video.shot import Canvas, FrameRun, Made, Shot, Shown, Stretch
from quality import STYLE_LAYERS, gram_distance

WAYS = ("independent", "same start", "warped start", "ours")
PLAIN = 2e-5  # the lesser eigenvalue of OpenCV's structure tensor, below which a place has no texture
FAR = 10  # frames apart, for the second E_warp


@dataclass(frozen=True)
class Truth:
    """Where each pixel was, (H, W) columns and rows, and whether the same was to be seen there."""

    columns: np.ndarray
    rows: np.ndarray
    same: np.ndarray


class Synthetic:
    """A scene under a moving camera, with an object that moves over it unless it is `bare`."""

    def __init__(self, name: str, count: int, width: int, height: int, *, bare: bool = False):
        self.count, self.width, self.height = count, width, height
        scene = getattr(data, name)()
        side = max(scene.shape[:2])
        factor = (1.4 if bare else 2.2) * width / side
        self._scene = cv2.resize(scene, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
        cat = cv2.resize(data.chelsea(), None, fx=0.9 * width / 451, fy=0.9 * width / 451, interpolation=cv2.INTER_AREA)
        rows, columns = cat.shape[:2]
        y, x = np.mgrid[:rows, :columns]
        # The cat's head, as an ellipse with a soft edge.
        outside = np.hypot((x - 0.47 * columns) / (0.30 * columns), (y - 0.42 * rows) / (0.38 * rows))
        shown = np.zeros_like(outside) if bare else np.clip((1 - outside) * 0.3 * columns + 0.5, 0, 1)
        self._object = np.dstack([cat, 255 * shown]).astype(np.uint8)

    def camera(self, i: float) -> np.ndarray:
        """From a pixel of frame i to the scene."""
        rows, columns = self._scene.shape[:2]
        zoom, angle = 1.0 / (1 + 0.004 * i), np.deg2rad(0.15 * i)
        turned = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        middle = np.array([0.42 * columns + self.width * 0.0062 * i, 0.5 * rows + self.width * 0.0023 * i])
        return _affine(turned, middle - turned @ [self.width / 2, self.height / 2])

    def placed(self, i: float) -> np.ndarray:
        """From a pixel of frame i to the object."""
        rows, columns = self._object.shape[:2]
        size = 2.2 - 0.01 * i
        at = np.array([self.width * (0.68 - 0.009 * i), self.height * (0.62 - 0.004 * i)])
        return _affine(size * np.eye(2), np.array([0.47 * columns, 0.42 * rows]) - size * at)

    def frame(self, i: int) -> np.ndarray:
        """(H, W, 3) uint8."""
        back = _seen(self._scene, self.camera(i), self.width, self.height).astype(np.float32)
        front = _seen(self._object, self.placed(i), self.width, self.height, cv2.INTER_AREA).astype(np.float32)
        alpha = front[..., 3:] / 255
        return np.clip(np.round(back * (1 - alpha) + front[..., :3] * alpha), 0, 255).astype(np.uint8)

    def truth(self, then: int, now: int) -> Truth:
        """Where the pixels of frame `now` were in frame `then`."""
        x, y = np.meshgrid(np.arange(self.width), np.arange(self.height))
        alphas = [self._alpha(i) for i in (then, now)]
        front = alphas[1] > 0.5
        places = [np.linalg.inv(way(then)) @ way(now) for way in (self.camera, self.placed)]
        at = [place @ np.stack([x.ravel(), y.ravel(), np.ones(x.size)]) for place in places]
        columns = np.where(front, at[1][0].reshape(x.shape), at[0][0].reshape(x.shape)).astype(np.float32)
        rows = np.where(front, at[1][1].reshape(x.shape), at[0][1].reshape(x.shape)).astype(np.float32)
        inside = (columns >= 2) & (rows >= 2) & (columns <= self.width - 3) & (rows <= self.height - 3)
        wide = np.ones((5, 5), np.uint8)  # what is near an edge of the object is neither
        there = [
            [cv2.erode(mask, wide) for mask in ((a > 0.99).astype(np.uint8), (a < 0.01).astype(np.uint8))]
            for a in alphas
        ]
        before = [cv2.remap(mask, columns, rows, cv2.INTER_NEAREST) for mask in there[0]]
        same = (before[0] & there[1][0]) | (before[1] & there[1][1])
        return Truth(columns, rows, inside & (same > 0))

    def _alpha(self, i: int) -> np.ndarray:
        return _seen(self._object[..., 3], self.placed(i), self.width, self.height, cv2.INTER_AREA) / 255


def _affine(turned: np.ndarray, moved: np.ndarray) -> np.ndarray:
    return np.vstack([np.column_stack([turned, moved]), [0, 0, 1]])


def _seen(picture: np.ndarray, place: np.ndarray, width: int, height: int, how: int = cv2.INTER_CUBIC) -> np.ndarray:
    """A picture as it is in a frame, four samples to a pixel."""
    finer = place @ np.diag([0.5, 0.5, 1]) @ np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    border = cv2.BORDER_REFLECT if picture.ndim == 3 and picture.shape[2] == 3 else cv2.BORDER_CONSTANT
    large = cv2.warpAffine(picture, finer[:2], (2 * width, 2 * height), flags=flags, borderMode=border)
    return cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA)


class Filmed:
    """A folder of frames with their DeepFlow, which is of neighbors alone, or else with TV-L1's (Zach et al. 2007)."""

    def __init__(self, folder: Path, count: int):
        self._files = sorted(each for each in folder.iterdir() if each.suffix in (".png", ".jpg"))[:count]
        self._deep = np.load(folder / "flow.npz") if (folder / "flow.npz").exists() else None
        self._found: dict[tuple[int, int], Truth] = {}
        self.count = len(self._files)

    def frame(self, i: int) -> np.ndarray:
        """(H, W, 3) uint8."""
        return np.array(Image.open(self._files[i]).convert("RGB"))

    def truth(self, then: int, now: int) -> Truth | None:
        """None where it is not known."""
        if self._deep is not None and abs(now - then) > 1:
            return None
        if (then, now) not in self._found:
            self._found[then, now] = self._by_tv_l1(then, now) if self._deep is None else self._by_deepflow(then, now)
        return self._found[then, now]

    def _by_deepflow(self, then: int, now: int) -> Truth:
        back = self._deep[f"backward_{now + 1}_{then + 1}"].astype(np.float32)
        y, x = np.mgrid[: back.shape[0], : back.shape[1]].astype(np.float32)
        same = self._deep[f"reliable_{now + 1}_{then + 1}"] > 200
        return Truth(x + back[..., 0], y + back[..., 1], same)

    def _by_tv_l1(self, then: int, now: int) -> Truth:
        """The same is seen where flow forth and back agree to a pixel, and colors to 10 of 255.

        In what is plain no flow is to be known, so that only what has corners or texture counts.
        """
        first, second = (cv2.cvtColor(self.frame(i), cv2.COLOR_RGB2GRAY).astype(np.float32) / 255 for i in (then, now))
        down, right = optical_flow_tvl1(second, first)  # from a pixel of the second to where it was
        forth_down, forth_right = optical_flow_tvl1(first, second)
        y, x = np.mgrid[: first.shape[0], : first.shape[1]].astype(np.float32)
        columns, rows = (x + right).astype(np.float32), (y + down).astype(np.float32)
        returned = [
            cv2.remap(each.astype(np.float32), columns, rows, cv2.INTER_LINEAR) for each in (forth_down, forth_right)
        ]
        agree = np.hypot(down + returned[0], right + returned[1]) < 1
        alike = np.abs(cv2.remap(first, columns, rows, cv2.INTER_LINEAR) - second) < 10 / 255
        inside = (columns >= 2) & (rows >= 2) & (columns <= x.max() - 2) & (rows <= y.max() - 2)
        textured = cv2.cornerMinEigenVal(second, 7) > PLAIN
        return Truth(columns, rows, inside & agree & alike & textured)


class Still:
    """A photograph for so many frames, each with its own noise, of which 255 is white."""

    def __init__(self, name: str, count: int, width: int, height: int, noise: float):
        self.count, self._noise = count, noise
        self._photo = cv2.resize(getattr(data, name)(), (width, height), interpolation=cv2.INTER_AREA)

    def frame(self, i: int) -> np.ndarray:
        """(H, W, 3) uint8."""
        noise = np.random.default_rng(i).normal(0, self._noise, self._photo.shape)
        return np.clip(np.round(self._photo + noise), 0, 255).astype(np.uint8)

    def truth(self, then: int, now: int) -> Truth:
        """All is where it was."""
        y, x = np.mgrid[: self._photo.shape[0], : self._photo.shape[1]].astype(np.float32)
        return Truth(x, y, np.ones(x.shape, bool))


def drift(frames: list[np.ndarray]) -> tuple[float, float]:
    """By how much the mean of the worst block of 32x32 pixels leaves that of frame 2, and how far the last frame is
    from it, of 255.
    """
    second = frames[1].astype(np.float32)
    height, width = (side // 32 * 32 for side in second.shape[:2])
    blocks = [
        (frame - second)[:height, :width].reshape(height // 32, 32, width // 32, 32, 3).mean((1, 3))
        for frame in frames[2:]
    ]
    return float(np.abs(blocks).max()), float(np.sqrt(((frames[-1] - second) ** 2).mean()))


def e_warp(clip: Any, frames: list[np.ndarray], apart: int) -> float:
    """The root of the mean over pairs of the mean squared difference where both show the same."""
    squares = []
    for now in range(apart, len(frames)):
        truth = clip.truth(now - apart, now)
        if truth is not None:
            squares.append(float((difference(frames, truth, now - apart, now)[truth.same] ** 2).mean()))
    return float(np.mean(squares)) ** 0.5 if squares else float("nan")


def difference(frames: list[np.ndarray], truth: Truth, then: int, now: int) -> np.ndarray:
    """(H, W, 3), of 1."""
    moved = cv2.remap(frames[then], truth.columns, truth.rows, cv2.INTER_LANCZOS4)
    return (frames[now].astype(np.float32) - moved) / 255


def fine(frame: np.ndarray) -> float:
    """The energy of the finest detail, as a root."""
    image = planes(frame)
    return float((image - blurred(image, 2.0)).square().mean()) ** 0.5


def frames_of(way: str, clip: Any, recipe: Recipe, style: str, encoders: Encoders) -> Iterator[np.ndarray]:
    """The frames of a clip, painted one way."""
    films = [clip.frame(i) for i in range(clip.count)]
    shot = Shot(Shown(films[0]), recipe, Pictures(styles=[style]), encoders)
    if way == "independent":
        for film in films:
            yield painted(Shot(Shown(film), recipe, Pictures(styles=[style]), encoders).opening()).image
        return
    if way != "ours":
        shot = Shot(Shown(films[0]), replace(recipe, temporal_weight=0.0), Pictures(styles=[style]), encoders)
    opening = key = Made(Shown(films[0]), painted(shot.opening()))
    yield key.canvas.image
    length = recipe.keyframe_interval if way == "ours" else 1
    for begins in range(1, clip.count, length):
        shown = [Shown(film) for film in films[begins : begins + length]]
        unmoved = [_nothing(films[0])] if way == "same start" else [None] * len(shown)
        stretch = Stretch(key, shown, unmoved)
        for place in stretch.order:
            paint = shot.ahead if stretch.is_ahead(place) else shot.next
            stretch.add(place, painted(paint(stretch.shown(place), stretch.past(place), opening.canvas)))
        key = stretch.made(len(shown))
        yield from (stretch.made(place).canvas.image for place in sorted(stretch.order))


def _nothing(film: np.ndarray) -> tuple[Motion, Motion]:
    """That nothing has moved."""
    one = torch.ones(1, 1, *film.shape[:2])
    unmoved = Motion(torch.zeros(1, 2, *film.shape[:2]), one, torch.zeros_like(one))
    return unmoved, unmoved


def painted(run: FrameRun) -> Canvas:
    """A frame, made to its end."""
    for _ in run:
        pass
    return run.canvas


def kept(
    folder: Path, way: str, clip: Any, recipe: Recipe, style: str, encoders: Encoders
) -> tuple[list[np.ndarray], float]:
    """The frames, painted unless they are there, and the seconds that each after the first took."""
    home = folder / way.replace(" ", "-")
    home.mkdir(parents=True, exist_ok=True)
    files = [home / f"{i + 1:03}.png" for i in range(clip.count)]
    taken = home / "seconds.txt"
    if not all(file.is_file() for file in files):
        times = []
        began = time.perf_counter()
        for file, frame in zip(files, frames_of(way, clip, recipe, style, encoders), strict=True):
            times.append(time.perf_counter() - began)
            Image.fromarray(frame).save(file)
            began = time.perf_counter()
        taken.write_text(f"{np.mean(times[1:]):.2f}")
    return [np.array(Image.open(file)) for file in files], float(taken.read_text())


def timed(clip: Synthetic, given: argparse.Namespace, changes: Mapping[str, Any]) -> None:
    """What the whole command takes: reading, painting, keeping and writing."""
    given.out.mkdir(parents=True, exist_ok=True)
    read, made = given.out / "timed-in.mkv", given.out / "timed-out.mp4"
    with av.open(str(read), "w") as file:
        stream = file.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = clip.width, clip.height, "bgr0"
        for i in range(clip.count):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(clip.frame(i), format="rgb24")))
        file.mux(stream.encode(None))
    options = [f"--{name.replace('_', '-')}={value}" for name, value in changes.items()]
    command = [sys.executable, "-m", "impasto", "video", read, given.style, "-o", made, "--force", "--json"]
    command += ["--preset", given.preset, *options]
    began = time.perf_counter()
    done = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True)
    taken = time.perf_counter() - began
    events = [json.loads(line) for line in done.stdout.splitlines()]
    seconds = [event["seconds"] for event in events if "seconds" in event]
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20  # of KiB
    print(f"{len(seconds)} frames of {clip.width}x{clip.height}: {taken:.0f} s in all, the first {seconds[0]:.1f} s, ")
    each, usual = np.mean(seconds[1:]), np.median(seconds[1:])
    print(f"{each:.2f} s for each other (median {usual:.2f}); {peak:.2f} GiB at the peak")


def sheet(rows: Mapping[str, list[np.ndarray]], clip: Any, slices: int = 4) -> Image.Image:
    """A row for each way: the first frame and the last, what changed at the last, 4 times, and a slice over time."""
    made = []
    for name, frames in rows.items():
        height, width = frames[0].shape[:2]
        last = len(frames) - 1
        changed = np.abs(difference(frames, clip.truth(last - 1, last), last - 1, last)) * 4
        slice_ = np.repeat(np.stack([frame[height // 2] for frame in frames]), slices, axis=0)
        slice_ = np.asarray(Image.fromarray(slice_).resize((width, height), Image.Resampling.NEAREST))
        parts = [frames[0], frames[-1], (np.clip(changed, 0, 1) * 255).astype(np.uint8), slice_]
        image = Image.fromarray(np.concatenate(parts, axis=1))
        ImageDraw.Draw(image).text((6, 4), name, fill="white", stroke_width=2, stroke_fill="black")
        made.append(np.asarray(image))
    return Image.fromarray(np.concatenate(made, axis=0))


def film(left: Sequence[np.ndarray], right: Sequence[np.ndarray], file: Path) -> None:
    """Two ways beside each other, there and back, as an animated WebP."""
    gap = np.full((left[0].shape[0], 6, 3), 255, np.uint8)
    both = [Image.fromarray(np.concatenate([a, gap, b], axis=1)) for a, b in zip(left, right, strict=True)]
    first, *others = [*both, *both[-2:0:-1]]
    first.save(file, save_all=True, append_images=others, duration=80, loop=0, quality=60, method=6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--style", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--frames", type=int, default=12)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--scene", default="rocket")
    parser.add_argument("--bare", action="store_true")
    parser.add_argument("--clip", type=Path)
    parser.add_argument("--still", type=float, metavar="NOISE")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--preset", default="default")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE")
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--film", type=Path, help="animated WebP of frames by themselves, left, and ours")
    parser.add_argument("--timed", action="store_true")
    given = parser.parse_args()
    height = given.size * 9 // 32 * 2
    clip: Any = Synthetic(given.scene, given.frames, given.size, height, bare=given.bare)
    if given.clip:
        clip = Filmed(given.clip, given.frames)
    elif given.still is not None:
        clip = Still(given.scene, given.frames, given.size, height, given.still)
    changes = {name: eval(value) for name, _, value in (each.partition("=") for each in given.set)}
    if given.timed:
        timed(clip, given, changes)
        return
    recipe, encoders = replace(preset(given.preset), **changes), Encoders()
    films = [clip.frame(i) for i in range(clip.count)]
    rows = {"input": films}
    judge = encoders.load(Recipe(encoder="vgg19"))
    height, width = films[0].shape[:2]
    style = load_image(given.style).pixels
    style = resize(style, *_style_size(style, max(height, width)))
    with torch.no_grad():
        wanted = judge(style, STYLE_LAYERS)
    print(f"{'':14} E_warp 1  E_warp {FAR}   style    fine    mean   s/frame")
    for way in ("input", *given.ways):
        frames, seconds = (films, 0.0) if way == "input" else kept(given.out, way, clip, recipe, given.style, encoders)
        rows[way] = frames
        ends = [e_warp(clip, frames, 1), e_warp(clip, frames, FAR)]
        with torch.no_grad():
            distances = [gram_distance(judge(planes(frame), STYLE_LAYERS), wanted) for frame in frames[1:]]
        sharp = np.mean([fine(frame) for frame in frames[1:]])
        brighter = float(frames[-1].mean() - frames[0].mean())
        print(
            f"{way:14} {ends[0]:.4f}    {ends[1]:.4f}    {np.mean(distances):.3f}   {sharp:.4f}  {brighter:+.1f}    "
            f"{seconds:.2f}",
            flush=True,
        )
        if given.still is not None:
            print(f"{'':14} worst block {drift(frames)[0]:.2f}, last frame {drift(frames)[1]:.2f} from frame 2, of 255")
    if given.sheet:
        sheet(rows, clip).save(given.sheet)
    if given.film:
        film(rows["independent"], rows["ours"], given.film)


def _style_size(style: torch.Tensor, side: int) -> tuple[int, int]:
    height, width = style.shape[-2:]
    return round(height * side / max(height, width)), round(width * side / max(height, width))


if __name__ == "__main__":
    main()
