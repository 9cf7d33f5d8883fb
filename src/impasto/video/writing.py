"""Frames -> a clip: a video file with the sound of another, an animated image, or a folder of pictures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from statistics import median_high
from types import MappingProxyType
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from impasto.errors import OutputError, UnknownNameError, UsageError
from impasto.files import output_errors, replacing
from impasto.images import with_text_in
from impasto.video.ending import end_at
from impasto.video.reading import Clip, Frame, VideoFile, pyav

_FRAME = re.compile(r"\d{6,}\.png")  # the names of frames in a folder
AHEAD = 5  # frames by which the usual rate is judged


@dataclass(frozen=True)
class Codec:
    """How frames are coded in a file of some ending: the encoder, its pixels and settings.

    `multiple` is what sides must be multiples of.
    """

    name: str
    pixels: str
    options: Mapping[str, str]
    multiple: int = 1
    sound: bool = False


_H264 = Codec("libx264", "yuv420p", {"crf": "16", "preset": "medium"}, 2, True)
CODECS: Mapping[str, Codec] = MappingProxyType(
    {
        ".mp4": _H264,
        ".m4v": _H264,
        ".mov": _H264,
        ".mkv": _H264,
        ".webm": Codec("libvpx-vp9", "yuv420p", {"crf": "20", "b": "0", "row-mt": "1", "cpu-used": "2"}, 2, True),
        ".gif": Codec("gif", "pal8", {}),
        ".apng": Codec("apng", "rgb24", {}),
        ".webp": Codec("libwebp_anim", "yuv420p", {"quality": "85"}),
    }
)


def codec_of(path: Path) -> Codec | None:
    """How a file of this name is coded; None for a folder of pictures, which has no ending.

    Raises:
        UnknownNameError: no clip has such an ending.
    """
    ending = path.suffix.lower()
    if not ending:
        return None
    if ending not in CODECS:
        raise UnknownNameError("extension", ending, CODECS, of=str(path))
    return CODECS[ending]


def write_clip(
    path: Path,
    frames: Iterable[Frame],
    like: Clip,
    since: Fraction = Fraction(0),
    text: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Write `frames` to `path`, which appears whole or not at all, with the sound that their clip has.

    The file has the `text` too, by keyword, or each frame of a folder. If `since` is above 0, it is the clip from then
    on, and begins at 0. Otherwise all times are as in the clip's own file.

    Raises:
        OutputError: it cannot be written.
    """
    codec = codec_of(path)
    if codec is None:
        _write_folder(path, frames, text)
        return
    av = pyav()
    with output_errors(path), replacing(path) as temporary:
        try:
            _write_file(temporary, path.suffix.lower(), codec, frames, like, since, text)
        except av.error.FFmpegError as problem:
            raise OutputError(f"{path} cannot be written: {problem.strerror or problem}.") from problem


def _write_folder(path: Path, frames: Iterable[Frame], text: Mapping[str, str]) -> None:
    """Those of a longer clip that was there before are taken away."""
    with output_errors(path):
        path.mkdir(parents=True, exist_ok=True)
        number, said = 0, PngInfo()
        for keyword, value in text.items():
            said.add_itxt(keyword, value)
        for number, frame in enumerate(frames, 1):
            with replacing(path / f"{number:06}.png") as temporary:
                Image.fromarray(frame.pixels).save(temporary, "PNG", compress_level=4, pnginfo=said)
        for old in path.iterdir():
            if _FRAME.fullmatch(old.name) and int(old.stem) > number:
                old.unlink()


def check_kind(path: Path) -> None:
    """Make sure that what is at `path`, if anything is, can be overwritten by a clip of that name.

    Raises:
        UsageError: it is a file, and a folder is asked for, or the other way; or pictures that are no frames are in it.
    """
    if not path.exists():
        return
    if codec_of(path) is not None:
        if path.is_dir():
            raise UsageError(f"{path} is a folder. Choose another name for the result.")
        return
    if not path.is_dir():
        raise UsageError(f"{path} is a file, and a clip of that name a folder of frames. Choose another name.")
    others = sorted(each.name for each in path.iterdir() if each.name[0] != "." and not _FRAME.fullmatch(each.name))
    if others:
        raise UsageError(f"{path} holds other files than frames, such as {others[0]}. Choose another folder.")


def check_pace(path: Path, times: Iterable[Fraction]) -> None:
    """Make sure that frames at these times, in seconds, can be told from each other in a file of that name.

    Raises:
        UsageError: they follow each other too fast for it.
    """
    codec, ending = codec_of(path), path.suffix.lower()
    if codec is None or codec.sound:
        return
    ticks = [round(time / _tick(ending)) for time in times]
    if len({*ticks}) < len(ticks):
        raise UsageError(
            f"{path}: frames in {ending} are at least {_tick(ending)} s apart, and these are faster. "
            "Take fewer with --fps 50, or choose .mp4."
        )


def _tick(ending: str) -> Fraction:
    """In what unit, in seconds, an animated image tells times."""
    return Fraction(1, 100 if ending == ".gif" else 1000)


_MUXERS = {".m4v": "mp4", ".mkv": "matroska", ".apng": "apng", ".webp": "webp"}


def _write_file(
    path: Path, ending: str, codec: Codec, frames: Iterable[Frame], like: Clip, since: Fraction, text: Mapping[str, str]
) -> None:
    av = pyav()
    muxer = _MUXERS.get(ending, ending[1:])
    options = {"movflags": "+faststart+use_metadata_tags"} if muxer in ("mp4", "mov") else _played(muxer, like.plays)
    with ExitStack() as stack:
        out = stack.enter_context(av.open(str(path), "w", format=muxer, options=options))
        out.metadata.update(text)
        several = iter(frames)
        ahead = list(islice(several, AHEAD))
        height, width = ahead[0].pixels.shape[:2]
        base = like.time_base if codec.sound else _tick(ending)
        rate = (1 / median_high(frame.duration for frame in ahead)).limit_denominator(100_000)
        stream = out.add_stream(codec.name, rate=rate, options=dict(codec.options))
        stream.width, stream.height, stream.pix_fmt = width, height, codec.pixels
        stream.time_base = stream.codec_context.time_base = base
        stream.codec_context.thread_count = 1 if not codec.sound else 2
        if codec.sound:
            context = stream.codec_context
            context.colorspace, context.color_range = 1, 1
            context.color_primaries, context.color_trc = 1, 1
        shift = like.begins + since if since else Fraction(0)
        moved = like.begins - shift
        sound = Sound(out, like, shift, stack) if codec.sound and isinstance(like, VideoFile) else None
        palette = Palette(width, height, base) if codec.pixels == "pal8" else None
        last, lasting = ahead[0], dict[int, int]()
        for last in chain(ahead, several):
            image = _coded(last, codec, base, moved)
            image = palette(image) if palette else image
            lasting[image.pts] = image.duration
            if sound:
                sound.until(last.time + moved)
            out.mux(_timed(stream.encode(image), lasting))
        out.mux(_timed(stream.encode(None), lasting))
        if sound:
            sound.until(last.time + last.duration + moved, last=True)
    end_at(path, ending, round(1000 * (last.time + last.duration - ahead[0].time)))
    if not codec.sound and text:  # an animated image, for which FFmpeg writes none
        path.write_bytes(with_text_in(path.read_bytes(), text))


def _played(muxer: str, plays: int) -> dict[str, str]:
    """What has an animated image play so often, 0 for ever."""
    match muxer:
        case "gif":  # how often it is repeated, 0 for ever, -1 never
            return {"loop": str(-1 if plays == 1 else max(0, plays - 1))}
        case "webp":
            return {"loop": str(plays)}
        case "apng":
            return {"plays": str(plays)}
    return {}


def _timed(packets: list[Any], lasting: dict[int, int]) -> list[Any]:
    """The packets, each as long as its frame, which is told by when it begins: encoders forget that."""
    for packet in packets:
        packet.duration = lasting.pop(packet.pts, packet.duration)
    return packets


def _coded(frame: Frame, codec: Codec, base: Fraction, moved: Fraction) -> Any:
    av = pyav()
    image = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame.pixels), format="rgb24")
    if codec.pixels.startswith("yuv"):
        image = image.reformat(format=codec.pixels, dst_colorspace=1 if codec.sound else 5)
    image.pts, image.time_base = round((frame.time + moved) / base), base
    image.duration = max(1, round(frame.duration / base))
    return image


class Palette:
    """Frames -> frames of 256 colors, each its own."""

    def __init__(self, width: int, height: int, base: Fraction):
        av = pyav()
        graph = self._graph = av.filter.Graph()
        source = graph.add_buffer(width=width, height=height, format="rgb24", time_base=base)
        split, made = graph.add("split"), graph.add("palettegen", "stats_mode=single")
        used, sink = graph.add("paletteuse", "new=1:dither=sierra2_4a"), graph.add("buffersink")
        source.link_to(split)
        split.link_to(used, 0, 0)
        split.link_to(made, 1, 0)
        made.link_to(used, 0, 1)
        used.link_to(sink)
        graph.configure()

    def __call__(self, image: Any) -> Any:
        """The frame, with the time that it had."""
        self._graph.push(image)
        found = self._graph.pull()
        found.pts, found.time_base, found.duration = image.pts, image.time_base, image.duration
        return found


class Sound:
    """The sound of a clip, `shift` seconds earlier, into another file: its packets as they are, or coded anew."""

    def __init__(self, out: Any, clip: VideoFile, shift: Fraction, stack: ExitStack):
        av = pyav()
        container = stack.enter_context(av.open(str(clip.path)))
        source = next(iter(container.streams.audio), None)
        self._out, self._shift, self._encoder = out, shift, None
        self._packets: Iterator[Any] = iter(())
        if source is not None and source.codec_context.name in out.supported_codecs:
            self._stream = out.add_stream_from_template(source)
            self._packets = (packet for packet in container.demux(source) if packet.dts is not None)
        elif source is not None:
            self._encoder = out.add_stream(_ENCODERS.get(out.default_audio_codec, "aac"), rate=RATE)
            self._encoder.layout = source.codec_context.layout.name
            resampler = av.AudioResampler(self._encoder.format, self._encoder.layout, RATE)
            self._packets = (each for found in container.decode(source) for each in resampler.resample(found))
        self._waiting = next(self._packets, None)

    def until(self, time: Fraction, *, last: bool = False) -> None:
        """Write what sounds before `time`, in seconds of the new file; nothing comes after the `last`."""
        while self._waiting is not None and (at := self._waiting.pts * self._waiting.time_base - self._shift) < time:
            if at >= 0 or not self._shift:
                self._write(self._waiting)
            self._waiting = next(self._packets, None)
        if last and self._encoder:
            self._out.mux(self._encoder.encode(None))

    def _write(self, waiting: Any) -> None:
        shift = round(self._shift / waiting.time_base)
        waiting.pts -= shift
        if self._encoder:
            self._out.mux(self._encoder.encode(waiting))
            return
        waiting.dts -= shift
        waiting.stream = self._stream
        self._out.mux(waiting)


RATE = 48_000  # samples a second of sound that is coded anew
_ENCODERS = {"opus": "libopus", "vorbis": "libopus"}
