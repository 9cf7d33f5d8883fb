"""Losses of one's own: a term of the pixels, and a term of the features of layers.

    python examples/custom_term.py photo.jpg painting.jpg out.png

The first keeps the picture a little darker. The second asks for a mirrored picture, as one layer sees it.
"""

import sys

import impasto

photo, painting, out = sys.argv[1:]
darker = impasto.PixelTerm("darker", 0.5, lambda image: image.square().mean())
mirrored = impasto.FeatureTerm(
    "mirrored",
    0.5,
    ("relu3_1",),
    lambda features: (
        (features["relu3_1"] - features["relu3_1"].flip(-1)).square().mean() / features["relu3_1"].square().mean()
    ),
)
picture = impasto.stylize(photo, painting, extra_terms=[darker, mirrored])
picture.save(out)
print(picture.record.result.terms)  # the loss, term by term
