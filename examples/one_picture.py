"""One photograph in the style of one painting, watched as it grows.

python examples/one_picture.py photo.jpg painting.jpg out.png
"""

import sys

import impasto

photo, painting, out = sys.argv[1:]


def show(step: impasto.Step) -> None:
    print(f"\r{step.done} of {step.total}  loss {step.loss:.3f}", end="", flush=True)


picture = impasto.stylize(photo, painting, strength=0.6, callback=show)
picture.save(out)  # its record is in the file: `impasto show`, `impasto replay`
print(f"\nWrote {out}, {picture.width}x{picture.height} pixels")
