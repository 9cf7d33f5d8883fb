"""Clips that come out the same everywhere: a texture that moves, and files with every oddity that files have."""

import struct
from dataclasses import replace
from fractions import Fraction

import numpy as np

from impasto.presets import preset

MILLISECONDS = Fraction(1, 1000)


def texture(height, width, seed=0):
    """Smooth colored noise with detail of several sizes.  Shape: (height, width, 3) uint8."""
    generator, total = np.random.default_rng(seed), np.zeros((height, width, 3))
    for step in (4, 8, 16, 32):
        coarse = generator.random((height // step + 3, width // step + 3, 3))
        y, x = np.arange(height) / step, np.arange(width) / step
        i, j, fy, fx = y.astype(int), x.astype(int), (y % 1)[:, None, None], (x % 1)[None, :, None]
        above = coarse[i][:, j] * (1 - fx) + coarse[i][:, j + 1] * fx
        below = coarse[i + 1][:, j] * (1 - fx) + coarse[i + 1][:, j + 1] * fx
        total += (above * (1 - fy) + below * fy) * step**0.5
    total -= total.min()
    return (255 * total / total.max()).astype(np.uint8)


def pan(count, height=48, width=64, step=(1, 2), seed=0):
    """Frames of a texture that a camera moves over by whole pixels (rows, columns).  (height, width, 3) uint8 each."""
    scene = texture(height + count * step[0], width + count * step[1], seed)
    return [scene[i * step[0] :, i * step[1] :][:height, :width].copy() for i in range(count)]


def write(path, frames, times=None, codec="libx264", pixels="yuv444p", sound=False, aspect=None):
    """A video file of frames that begin at `times`, in milliseconds."""
    import av

    times = times or [40 * i for i in range(len(frames))]
    height, width = frames[0].shape[:2]
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, options={"crf": "4"} if codec == "libx264" else {})
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        stream.time_base = stream.codec_context.time_base = MILLISECONDS
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        audio = out.add_stream("aac", rate=44100) if sound else None
        if audio:
            audio.layout = "mono"
        for frame, time in zip(frames, times, strict=True):
            image = av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(format=pixels, dst_colorspace=5)
            image.pts, image.time_base = time, MILLISECONDS
            out.mux(stream.encode(image))
        out.mux(stream.encode(None))
        if audio:
            hum(out, audio, times[-1] + 40)


def hum(out, audio, milliseconds):
    """So much of a tone."""
    import av

    wave = (0.2 * np.sin(2 * np.pi * 440 * np.arange(44100 * milliseconds // 1000) / 44100)).astype(np.float32)
    for begin in range(0, len(wave) - 1023, 1024):
        sound = av.AudioFrame.from_ndarray(wave[None, begin : begin + 1024].copy(), format="fltp", layout="mono")
        sound.sample_rate, sound.pts, sound.time_base = 44100, begin, Fraction(1, 44100)
        out.mux(audio.encode(sound))
    out.mux(audio.encode(None))


def turn(path):
    """Have an MP4 shown turned by a quarter, clockwise, as telephones do: the matrix in the header of its video."""
    data, unit = bytearray(path.read_bytes()), 1 << 16
    at = data.index(b"tkhd") + 44
    data[at : at + 36] = struct.pack(">9i", 0, unit, 0, -unit, 0, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


def packets(path, kind="audio"):
    """(time in seconds, bytes) of the packets of a stream."""
    import av

    with av.open(str(path)) as file:
        stream = getattr(file.streams, kind)
        return [(p.pts * p.time_base, bytes(p)) for p in file.demux(stream[0]) if p.size] if stream else []


RECIPE = replace(preset("fast"), iterations=8, frame_iterations=4)
STYLE = texture(64, 64, seed=5)[:, :, ::-1].copy()


def painted(run):
    """The canvas of a frame, whose run is made to the end."""
    for _ in run:
        pass
    return run.canvas
