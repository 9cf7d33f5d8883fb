"""Paint a cat on marbled paper: `python examples/demo.py [option of impasto transfer ...]`.

The photograph, of Chelsea by Stéfan van der Walt, comes with scikit-image (public domain, CC0), and the style is drawn
by impasto itself: nothing is downloaded. It needs `pip install "impasto[demo]"`.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from skimage import data

FOLDER = Path("demo")


def main(options: Sequence[str] = ()) -> int:
    """Write the photograph, run the command on it, and give back the command's exit code."""
    photo, picture = FOLDER / "photo.png", FOLDER / "picture.png"
    FOLDER.mkdir(exist_ok=True)
    Image.fromarray(data.chelsea()).save(photo)

    arguments = ["transfer", str(photo), "swatch:marbling", "-o", str(picture), "--force", *options]
    print(f"$ {shlex.join(['impasto', *arguments])}", flush=True)
    command = [sys.executable, "-m", "impasto", *arguments]
    code = subprocess.run(command, check=False).returncode  # noqa: S603 - our own command
    if code == 0:
        print(f"\nThe picture is {picture.resolve()}\nand the photograph it was made from is {photo.resolve()}")
        print(f"\nNow yours:  {_program()} transfer YOUR.jpg swatch:mosaic")
    return code


def _program() -> str:
    """The command as it is typed here, beside the Python that runs this."""
    beside = Path(sys.executable).with_name("impasto.exe" if sys.platform == "win32" else "impasto")
    return os.path.relpath(beside) if beside.exists() else "impasto"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
