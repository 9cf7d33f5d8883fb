"""Damaged image files through `load_image` and `read_text` under a memory limit: what comes of them.

    python benchmarks/fuzz.py --count 2400

Small files of each kind are made here, then some of their bytes are flipped, overwritten, cut, repeated or added; every
second PNG gets its checksums right again, so that the damage is not found at the door.  One process reads them, another
watches its time.  The exit code is 1 if any file led to anything but a picture or an error that impasto means to raise.
Linux only.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import resource
import select
import struct
import subprocess
import sys
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageCms

from impasto.errors import ImageError
from impasto.images import encode_image, load_image, read_text

GOOD = ("picture", "plain error")
BAD = ("wrong picture", "other error", "out of memory", "hang", "crash")
MAX_PIXELS = 1_000_000


def seeds() -> list[tuple[str, bytes]]:
    """(format, file) of every kind."""
    noise = np.random.default_rng(0).integers(0, 256, (20, 24, 3), dtype=np.uint8)
    image, exif = Image.fromarray(noise), Image.Exif()
    exif[0x0112] = 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    frames = {"save_all": True, "append_images": [image.rotate(90)]}
    kinds: list[tuple[str, str, dict[str, object]]] = [
        ("PNG", "RGB", {"icc_profile": _display_p3(profile), "exif": exif}),
        ("PNG", "P", {"transparency": 3}),
        ("PNG", "L", {"transparency": 9, "optimize": True}),
        ("PNG", "I;16", {"icc_profile": b"nonsense"}),
        ("PNG", "RGB", frames),
        ("JPEG", "RGB", {"exif": exif, "icc_profile": profile, "xmp": b"<x/>"}),
        ("JPEG", "L", {"progressive": True}),
        ("JPEG", "CMYK", {"quality": 60}),
        ("WEBP", "RGBA", {"exif": exif, "icc_profile": profile}),
        ("WEBP", "RGB", {"lossless": True, **frames}),
        ("AVIF", "RGB", {"exif": exif, "icc_profile": profile}),
        ("AVIF", "RGBA", {"quality": 60}),
        ("TIFF", "RGB", {"exif": exif}),
        ("TIFF", "RGB", {"compression": "tiff_lzw", "icc_profile": profile}),
        ("TIFF", "CMYK", {"compression": "packbits"}),
        ("TIFF", "1", {"compression": "group4"}),
        ("TIFF", "L", {"compression": "tiff_adobe_deflate", **frames}),
        ("GIF", "P", frames),
        ("GIF", "P", {"transparency": 5}),
        ("BMP", "RGB", {}),
        ("BMP", "P", {}),
        ("BMP", "1", {}),
    ]
    files = [(name, _encoded(image.convert("L" if m == "I;16" else "RGB").convert(m), name, o)) for name, m, o in kinds]
    return files + [(name, data) for name in ("PNG", "TIFF", "JPEG", "WEBP") for data in _ours(name, noise)]


def _encoded(image: Image.Image, format_name: str, options: dict[str, object]) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_name, **options)
    return buffer.getvalue()


def _ours(format_name: str, noise: np.ndarray) -> Iterator[bytes]:
    """Files as impasto writes them: with text, and with 16 bits and alpha where they exist."""
    picture = torch.from_numpy(noise / 255).permute(2, 0, 1)[None].float()
    extension, text = f".{format_name.lower()}", {"impasto": json.dumps({"style": "Gogh \u2192"} | {"n": [0.5] * 300})}
    yield encode_image(picture, extension, text=text)
    if format_name in ("PNG", "TIFF"):
        yield encode_image(picture**2, extension, bits=16, alpha=picture[:, :1])


def _display_p3(srgb: bytes) -> bytes:
    """A profile whose red lies outside sRGB: twice the red of sRGB's own."""
    (start,) = struct.unpack_from(">I", srgb, srgb.index(b"rXYZ") + 4)
    red = struct.unpack_from(">3i", srgb, start + 8)
    return srgb[: start + 8] + struct.pack(">3i", *(round(1.2 * x) for x in red)) + srgb[start + 20 :]


def damaged(data: bytes, random_: random.Random) -> bytes:
    """`data` with a few changes, more often near the beginning, where the structure is."""
    result = bytearray(data)
    for _ in range(random_.randint(1, 6)):
        place = int(len(result) * random_.random() ** 2)
        kind = random_.choice(["flip", "flip", "overwrite", "overwrite", "number", "cut", "delete", "repeat", "extend"])
        if kind == "flip" and place < len(result):
            result[place] ^= 1 << random_.randrange(8)
        elif kind == "overwrite":
            result[place : place + 1] = bytes([random_.choice([0, 1, 127, 128, 255, random_.randrange(256)])])
        elif kind == "number":
            result[place : place + 4] = random_.choice([b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\xff\xff"])
        elif kind == "cut" and random_.random() < 0.3:
            del result[place:]
        elif kind == "delete":
            del result[place : place + random_.randint(1, 9)]
        elif kind == "repeat":
            result[place:place] = result[place : place + random_.randint(1, 30)]
        elif kind == "extend":
            result += random_.randbytes(random_.randint(1, 999))
    return _sealed(bytes(result)) if data[1:4] == b"PNG" and random_.random() < 0.5 else bytes(result)


def _sealed(data: bytes) -> bytes:
    """A PNG file with the checksums of its chunks made right, as far as it has chunks."""
    parts, place = [data[:8]], 8
    while place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        body = data[place + 4 : place + 8 + length]
        parts.append(data[place : place + 4] + body + struct.pack(">I", zlib.crc32(body)))
        place += 12 + length
    return b"".join(parts) + data[place:]


def outcome(data: bytes) -> str:
    """What comes of one file."""
    try:
        texts, picture = read_text(data), load_image(data, max_pixels=MAX_PIXELS)
    except ImageError as error:
        return "out of memory" if "fit into memory" in str(error) else "plain error"
    except BaseException as error:
        return f"other error: {type(error).__name__}: {error}"
    planes = [picture.pixels] if picture.alpha is None else [picture.pixels, picture.alpha]
    sane = all(p.isfinite().all() and p.min() >= 0 and p.max() <= 1 for p in planes)
    sane = sane and all(isinstance(part, str) for item in texts.items() for part in item)
    return "picture" if sane else "wrong picture"


def work(seed: int, megabytes: int) -> None:
    """Read numbers of files from standard input; for each, print its outcome and the most memory held so far."""
    torch.set_num_threads(1)
    files = seeds()
    for _, data in files:
        if outcome(data) != "picture":
            raise SystemExit("a whole file cannot be read")
    serve(lambda number: outcome(nth(files, seed, number)[1]), megabytes)


def serve(came_of: Callable[[int], str], megabytes: int) -> None:
    """Answer numbers from standard input under a memory limit: what came of each, and the most memory so far."""
    if megabytes:
        held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + megabytes * 2**20, resource.RLIM_INFINITY))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        came = came_of(int(line))
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        grown = max(grown, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss - before)  # which begin as forks
        print(json.dumps([came, grown / 1024]), flush=True)


def nth(files: list[tuple[str, bytes]], seed: int, number: int) -> tuple[str, bytes]:
    """(format, file): the damaged file of this number."""
    name, data = files[number % len(files)]
    return name, damaged(data, random.Random(f"{seed} {number}"))


class Worker:
    """A process that reads files, started when there is something to read, and anew after it hung or died."""

    def __init__(self, seed: int, megabytes: int, seconds: float, script: str = __file__):
        self._command = [sys.executable, script, "--work", "--seed", str(seed), "--memory", str(megabytes)]
        self._seconds = seconds
        self._process: subprocess.Popen[str] | None = None

    def ask(self, number: int) -> tuple[str, float, float]:
        """(outcome, MB, seconds) of a file."""
        process = self._process = self._process or self._started()
        began = time.perf_counter()
        print(number, file=process.stdin, flush=True)
        ready, _, _ = select.select([process.stdout], [], [], self._seconds)
        line = process.stdout.readline() if ready else ""
        seconds = time.perf_counter() - began
        if line:
            return (*json.loads(line), seconds)
        process.kill()
        code = self.close()
        return (f"crash: exit code {code}" if ready else "hang"), 0.0, seconds

    def close(self) -> int:
        """End the process, if there is one; its exit code."""
        if self._process is None:
            return 0
        process, self._process = self._process, None
        process.stdin.close()
        process.stdout.close()
        return process.wait()

    def _started(self) -> subprocess.Popen[str]:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}  # libtiff is chatty
        process = subprocess.Popen(self._command, text=True, **pipes)
        if not process.stdout.readline():
            raise SystemExit("the process that reads files does not start")
        return process


def main() -> int:
    """Run all files; print one row per format."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--memory", type=int, default=256, help="MB that reading may take beside the program; 0: any")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--keep", type=Path, help="a folder for the files that led to something bad")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        work(args.seed, args.memory)
        return 0
    files, worker = seeds(), Worker(args.seed, args.memory, args.seconds)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    slowest = most = 0.0
    for number in range(args.count):
        name, data = nth(files, args.seed, number)
        came, megabytes, seconds = worker.ask(number)
        slowest, most = max(slowest, seconds), max(most, megabytes)
        counts[name][came.partition(":")[0]] += 1
        if came not in GOOD:
            print(f"file {number} ({name}): {came}")
            if args.keep:
                args.keep.mkdir(parents=True, exist_ok=True)
                (args.keep / f"{number}.{name.lower()}").write_bytes(data)
    worker.close()
    total = sum(counts.values(), Counter[str]())
    print("| format | files |", " | ".join((*GOOD, *BAD)), "|")
    print("|---|" + "---|" * (1 + len(GOOD) + len(BAD)))
    for name, row in [*counts.items(), ("all", total)]:
        print(f"| {name} | {row.total()} |", " | ".join(str(row[kind]) for kind in (*GOOD, *BAD)), "|")
    print(f"Limit {args.memory} MB, most held {most:.0f} MB; slowest {slowest:.2f} s of {args.seconds:g} s allowed.")
    return int(any(total[kind] for kind in BAD))


if __name__ == "__main__":
    sys.exit(main())
