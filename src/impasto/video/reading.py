"""Clips -> frames: video files by PyAV, animated images by Pillow, folders of pictures, each frame in its turn."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from PIL import Image, ImageSequence, UnidentifiedImageError
from torch import Tensor

from impasto.errors import ImageError, UsageError
from impasto.files import missing
from impasto.images import load_image, resize, to_pil
from impasto.video.hdr import tone_mapped

ANIMATED = (".gif", ".png", ".apng", ".webp")
STILLS = (".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
PICTURES = (*STILLS, ".png", ".webp", ".gif", ".avif", ".heic", ".heif")  # of a folder
MISSING = "Clips need two packages more. Install them: pip install 'impasto[video]'."
FOLDER_RATE = Fraction(25)  # frames a second of a folder of pictures
MILLISECONDS = Fraction(1, 1000)
BT601, BT709 = 5, 1  # as FFmpeg counts color matrices
_MATRICES = {1: BT709, 4: 4, 5: BT601, 6: BT601, 7: 7, 9: 9, 10: 9}  # those of the same numbers
HD = 720  # lines, from which on colors are those of HDTV if nothing tells


@dataclass(frozen=True)
class Frame:
    """A frame of a clip, shown from `time` on, in seconds, for `duration`.  Shape: pixels (H, W, 3) uint8, sRGB."""

    time: Fraction
    duration: Fraction
    pixels: np.ndarray = field(repr=False)

    def scaled(self, height: int, width: int) -> np.ndarray:
        """Its pixels at this size.  Shape: (height, width, 3) uint8."""
        if self.pixels.shape[:2] == (height, width):
            return self.pixels
        return eight_bits(resize(planes(self.pixels), height, width))


def planes(frame: np.ndarray) -> Tensor:
    """A frame as a picture.  Shape: (H, W, 3) uint8 -> (1, 3, H, W) in [0, 1]."""
    return torch.tensor(frame).permute(2, 0, 1)[None].contiguous().float() / 255


def eight_bits(image: Tensor) -> np.ndarray:
    """A picture as a frame, which is what is kept of it.  Shape: (1, 3, H, W) -> (H, W, 3) uint8."""
    return np.array(to_pil(image))


class Clip(Protocol):
    """What frames are read from.

    `shape` is the height and width in square pixels, upright; `times` are when frames begin, and for how long each is
    to be seen, in seconds from the first, as far as the file tells; the first is shown when the file's clock `begins`.
    `time_base` is what times are multiples of, in seconds; an animated image `plays` so often, 0 is for ever; `notes`
    are worth telling.
    """

    path: Path
    shape: tuple[int, int]
    times: list[tuple[Fraction, Fraction]]
    begins: Fraction
    time_base: Fraction
    plays: int
    notes: list[str]

    def frames(self, since: Fraction = Fraction(0)) -> Iterator[Frame]:
        """All frames from a time on, and perhaps some before.

        Raises:
            ImageError: one cannot be read.
        """
        ...


def open_clip(path: str | os.PathLike[str], *, rate: Fraction | None = None, max_pixels: int = 200_000_000) -> Clip:
    """The clip at `path`: a video file, an animated image, or a folder of pictures, `rate` of them a second.

    Raises:
        MissingFileError: there is no such file.
        ImageError: there are no frames in it, or it cannot be read.
    """
    file = Path(path)
    if not file.exists():
        raise missing(str(path))
    if file.is_dir():
        return PictureFolder(file, rate or FOLDER_RATE, max_pixels)
    if file.suffix.lower() in STILLS:
        raise ImageError(f"{file} is a picture, not a clip. Paint it with: impasto transfer {file} STYLE.")
    clip = AnimatedImage(file) if file.suffix.lower() in ANIMATED else VideoFile(file)
    height, width = clip.shape
    if height * width > max_pixels:
        raise ImageError(f"{file} has {width}x{height} pixels; the limit is {max_pixels:,}. See --max-pixels.")
    return clip


class PictureFolder:
    """A folder of pictures, in the order of their names; all have the size of the first."""

    plays = 0

    def __init__(self, path: Path, rate: Fraction, max_pixels: int):
        self.path, self._max_pixels = path, max_pixels
        self.time_base, self.begins = 1 / rate, Fraction(0)
        self.notes: list[str] = []
        files = (each for each in path.iterdir() if each.suffix.lower() in PICTURES and each.name[0] != ".")
        self._files = sorted(files, key=_numbered)
        self.times = [(number / rate, 1 / rate) for number in range(len(self._files))]
        if not self._files:
            raise ImageError(f"{path} holds no pictures. Name a folder of frames, such as 0001.png, 0002.png, ...")
        height, width = self._pixels(self._files[0]).shape[:2]
        self.shape = height, width

    def frames(self, since: Fraction = Fraction(0)) -> Iterator[Frame]:
        """The pictures."""
        for when, file in zip(self.times, self._files, strict=True):
            pixels = self._pixels(file)
            if pixels.shape[:2] != self.shape:
                (rows, columns), (height, width) = pixels.shape[:2], self.shape
                raise ImageError(
                    f"{file} has {columns}x{rows} pixels, but {self._files[0].name}, the first frame, "
                    f"{width}x{height}. Frames of a clip have one size."
                )
            yield Frame(*when, pixels)

    def _pixels(self, file: Path) -> np.ndarray:
        return eight_bits(load_image(file, max_pixels=self._max_pixels).pixels)


def _numbered(file: Path) -> list[tuple[int, str]]:
    """Sorts 2.png before 10.png."""
    digits = "".join(each if each.isdecimal() else " " for each in file.stem).split()
    return [(int(each), "") for each in digits[-1:]] + [(0, file.name)]


class AnimatedImage:
    """A GIF, PNG or WebP with several frames; what is transparent is white."""

    def __init__(self, path: Path):
        self.path, self.time_base, self.begins = path, MILLISECONDS, Fraction(0)
        self.notes: list[str] = []
        with self._opened() as image:
            self.shape = image.height, image.width
            loops = image.info.get("loop")
            if image.format == "GIF":  # it tells how often it is repeated, 0 for ever; one that tells nothing, never
                self.plays = 1 if loops is None else loops and loops + 1
            else:
                self.plays = loops or 0
        self.times = [(frame.time, frame.duration) for frame in self.frames()]
        if len(self.times) < 2:
            raise ImageError(f"{path} has one frame only. Paint it with: impasto transfer {path} STYLE.")

    def frames(self, since: Fraction = Fraction(0)) -> Iterator[Frame]:
        """The frames; one that lasts no time lasts a tenth of a second, as browsers have it."""
        time = Fraction(0)
        with self._opened() as image:
            for frame in ImageSequence.Iterator(image):
                seen = frame.convert("RGBA")
                lasts = round(frame.info.get("duration") or 0) or 100
                shown = Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")
                yield Frame(time, lasts * MILLISECONDS, np.asarray(shown))
                time += lasts * MILLISECONDS

    @contextmanager
    def _opened(self) -> Iterator[Image.Image]:
        try:
            with Image.open(self.path) as image:
                yield image
        except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as problem:
            raise ImageError(f"{self.path} cannot be read: {problem}.") from problem


class VideoFile:
    """A video file: its first video stream, upright, its pixels square."""

    plays = 0

    def __init__(self, path: Path):
        self.path, self.notes = path, []
        with self._opened() as container:
            stream = self._stream(container)
            self.time_base = Fraction(stream.time_base or MILLISECONDS)
            self.rate = Fraction(stream.guessed_rate or stream.average_rate or 25)
            first = next(self._decoded(container, stream), None)
            if first is None:
                raise ImageError(f"{path} has no frames that can be read.")
            self._rotation, aspect = int(first.rotation), stream.sample_aspect_ratio or 1
            height, width = first.height, max(1, round(first.width * aspect))
            self.shape = (width, height) if self._rotation % 180 else (height, width)
            if is_hdr(first):
                self.notes.append(f"{path.name} has high dynamic range, which is mapped to that of ordinary screens.")
        self.times = self._listed()

    def _listed(self) -> list[tuple[Fraction, Fraction]]:
        """When frames begin and how long they are to be seen, as the file's packets tell; else as frames do."""
        with self._opened() as container:
            stream = self._stream(container)
            own = ((p.pts, p.duration) for p in container.demux(stream) if p.size and not p.is_discard)
            packets = sorted(own, key=lambda packet: packet[0] or 0)
        self._tells_times = all(pts is not None for pts, _ in packets)
        if not self._tells_times:
            packets = []
            with self._opened() as container:
                packets = [(f.pts, f.duration) for f in self._decoded(container, self._stream(container))]
        self.begins = packets[0][0] * self.time_base if packets and packets[0][0] is not None else Fraction(0)
        times = [self._time(pts, number) for number, (pts, _) in enumerate(packets)]
        last = (packets[-1][1] or 0) * self.time_base or 1 / self.rate
        return list(zip(times, [b - a for a, b in pairwise(times)] + [last], strict=True))

    def _time(self, pts: int | None, number: int) -> Fraction:
        """In seconds from the first frame."""
        return number / self.rate if pts is None else pts * self.time_base - self.begins

    def frames(self, since: Fraction = Fraction(0)) -> Iterator[Frame]:
        """The frames; where the file is cut short, those before, with a note."""
        read, lasts = 0, dict(self.times)
        with self._opened() as container:
            stream = self._stream(container)
            if since and self._tells_times:
                container.seek(int((since + self.begins) / self.time_base), stream=stream)
            for found in self._progressive(self._decoded(container, stream)):
                time = self._time(found.pts, read)
                yield Frame(time, lasts.get(time, 1 / self.rate), self._pixels(found))
                read += 1
        if not since and read < len(self.times):
            self.notes.append(f"{self.path.name} is damaged: {read} of its {len(self.times)} frames could be read.")

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        av = pyav()
        try:
            with av.open(str(self.path)) as container:
                yield container
        except (av.error.FFmpegError, UnicodeError, ValueError) as problem:
            what = getattr(problem, "strerror", None) or problem
            raise ImageError(f"{self.path} is no video that can be read: {what}.") from problem

    def _stream(self, container: Any) -> Any:
        streams = [each for each in container.streams.video if "attached" not in str(each.disposition)]
        if not streams:
            what = "sound only" if container.streams.audio else "no pictures"
            raise ImageError(f"{self.path} has {what}.")
        streams[0].thread_type = "AUTO"
        return streams[0]

    @staticmethod
    def _decoded(container: Any, stream: Any) -> Iterator[Any]:
        """Frames as PyAV has them; packets that are damaged are left out."""
        av = pyav()
        try:
            for packet in container.demux(stream):
                try:
                    yield from packet.decode()
                except av.error.InvalidDataError:
                    continue
        except (av.error.EOFError, av.error.InvalidDataError):
            return

    @staticmethod
    def _progressive(frames: Iterator[Any]) -> Iterator[Any]:
        """Frames with all their lines of one moment: those of interlaced ones are made of every other line."""
        graph: Any = None
        for frame in frames:
            if graph is None and not frame.interlaced_frame:
                yield frame
                continue
            if graph is None:
                graph = _filter(frame, "bwdif", "mode=send_frame:deint=interlaced")
            graph.push(frame)
            yield from _pulled(graph)
        if graph is not None:
            graph.push(None)
            yield from _pulled(graph)

    def _pixels(self, frame: Any) -> np.ndarray:
        """In sRGB, upright.  Shape: (H, W, 3) uint8."""
        matrix = frame.colorspace
        if matrix not in _MATRICES:
            matrix = BT709 if frame.height >= HD else BT601
        hdr = is_hdr(frame)
        options = {"src_colorspace": _MATRICES.get(matrix, BT601)}
        values = frame.reformat(format="rgb48le" if hdr else "rgb24", interpolation=_exactly(), **options).to_ndarray()
        if hdr:
            values = tone_mapped(values, frame.color_trc)
        return np.ascontiguousarray(np.rot90(values, self._rotation // 90))


def _exactly() -> Any:
    """How colors are computed: without short cuts, and the same everywhere."""
    from av.video.reformatter import Interpolation  # noqa: PLC0415

    return Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.BITEXACT


def _filter(frame: Any, name: str, settings: str) -> Any:
    """A graph of FFmpeg's with one filter, for frames as this one."""
    graph = pyav().filter.Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
    used, sink = graph.add(name, settings), graph.add("buffersink")
    source.link_to(used)
    used.link_to(sink)
    graph.configure()
    return graph


def _pulled(graph: Any) -> Iterator[Any]:
    """What a graph has ready."""
    av = pyav()
    try:
        while True:
            yield graph.pull()
    except (av.error.BlockingIOError, av.error.EOFError):
        return


def is_hdr(frame: Any) -> bool:
    """Whether brightness is coded as in PQ or HLG."""
    return int(frame.color_trc or 0) in (16, 18)


def pyav() -> Any:
    """PyAV, which reads and writes videos.

    Raises:
        UsageError: it is not there.
    """
    try:
        import av  # noqa: PLC0415
        import av.error  # noqa: PLC0415
    except ImportError:
        raise UsageError(MISSING) from None
    return av
