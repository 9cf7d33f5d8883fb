"""The upper part of a photograph in one style, the rest in another, and its subject left alone.

    python examples/regions.py photo.jpg sky.jpg ground.jpg out.png

Masks are arrays here; they may as well be files and PIL images. White is in, black is out.
"""

import sys

import numpy as np

import impasto

photo, sky, ground, out = sys.argv[1:]
height, width = impasto.load_image(photo).pixels.shape[-2:]
upper = np.zeros((height, width), np.uint8)
upper[: height // 2] = 255
subject = impasto.find_subject(photo)  # a guess, to be looked at and mended
subject.save("subject.png")
impasto.stylize(photo, ground, regions=[impasto.Region(upper, sky)], keep=subject).save(out)
