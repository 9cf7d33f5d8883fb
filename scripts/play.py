"""Builds the page that paints in a browser, docs/play, into build/play: a folder that needs nothing from elsewhere.

    python scripts/tasks.py play

The network comes from `impasto export`, the look from the studio, and the runtime that computes in a browser,
onnxruntime-web (MIT), from the npm registry at one version, known by its digest.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from graphs import exported
from PIL import Image
from skimage import data

from impasto import swatches
from impasto.instant.packed import SHA256

ROOT = Path(__file__).resolve().parents[1]
PAGE, LOOK, PLAY = ROOT / "docs" / "play", ROOT / "src" / "impasto" / "studio" / "page", ROOT / "build" / "play"
VERSION = "1.30.0"
INTEGRITY = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
RUNTIME = {
    "ort.mjs": "package/dist/ort.wasm.bundle.min.mjs",
    "ort.wasm": "package/dist/ort-wasm-simd-threaded.wasm",
}
WIDTH = 768  # pixels of a swatch: of the largest picture that the page paints
FIRST = "mosaic"


def package() -> bytes:
    """onnxruntime-web, fetched once by npm and kept in build/."""
    kept = ROOT / "build" / f"onnxruntime-web-{VERSION}.tgz"
    if not kept.is_file():
        npm = shutil.which("npm")
        if npm is None:
            raise SystemExit("The page needs npm to fetch onnxruntime-web; install Node.js, and run this again.")
        kept.parent.mkdir(exist_ok=True)
        command = [npm, "pack", "--silent", "--pack-destination", kept.parent, f"onnxruntime-web@{VERSION}"]
        if subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode:
            raise SystemExit(f"npm could not fetch onnxruntime-web {VERSION}; what it says is above.")
    found = kept.read_bytes()
    if base64.b64encode(hashlib.sha512(found).digest()).decode() != INTEGRITY:
        kept.unlink()
        raise SystemExit(f"{kept.name} is not the file that was published; it was removed. Run this again.")
    return found


def runtime(folder: Path, packed: bytes) -> None:
    folder.mkdir()
    with tarfile.open(fileobj=io.BytesIO(packed)) as members:
        for name, member in RUNTIME.items():
            source = members.extractfile(member)
            assert source is not None, member
            (folder / name).write_bytes(source.read())


def swatch(name: str) -> None:
    drawn = swatches.draw(name, width=WIDTH, height=WIDTH * 3 // 4)
    Image.fromarray(drawn).save(PLAY / "swatches" / f"{name}.jpg", quality=88)


def main() -> int:
    packed = package()
    shutil.rmtree(PLAY, ignore_errors=True)
    shutil.copytree(PAGE, PLAY)
    runtime(PLAY / "runtime", packed)
    (PLAY / "look").mkdir()
    for file in (*LOOK.glob("swatch-*.jpg"), LOOK / "style.css", LOOK / "stage.css", LOOK / "icon.svg"):
        shutil.copy(file, PLAY / "look")
    (PLAY / "swatches").mkdir()
    with ProcessPoolExecutor() as processes:
        list(processes.map(swatch, swatches.names()))
    Image.fromarray(data.chelsea()).save(PLAY / "cat.jpg", quality=92)
    contents = {"swatches": swatches.names(), "first": FIRST, "sample": "cat.jpg", "network": SHA256}
    (PLAY / "contents.json").write_text(json.dumps(contents), encoding="utf-8")
    shutil.copytree(exported(), PLAY / "graphs")
    size = sum(file.stat().st_size for file in PLAY.rglob("*") if file.is_file())
    print(f"The page is in {PLAY.relative_to(ROOT)} ({size / 1e6:.0f} MB). To see it:")
    print(f"  {Path(sys.executable).name} -m http.server -b 127.0.0.1 -d {PLAY.relative_to(ROOT)} 8000")
    print("and open http://127.0.0.1:8000 in a browser. The folder can lie on any web server.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
