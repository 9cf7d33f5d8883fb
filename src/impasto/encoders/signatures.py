"""Which preprocessing do filters expect?  They are told by the first filters of the published networks.

Magnitudes do not tell.  One might expect filters for inputs of 0 to 255 to be some 60 times weaker than filters for
inputs of unit variance; but the published weights of both kinds are equally strong (conv1_1 has a standard deviation of
0.2 in Oxford's Caffe model as in torchvision's), and Oxford's activations are simply that much larger.  So a filter's
direction is compared, which survives saving anew, fine-tuning and the normalisation of channels.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.encoders.preprocessing import CAFFE_BGR, IMAGENET_RGB, Preprocessing

CAFFE_RGB = Preprocessing(
    ((255.0, 0.0, 0.0), (0.0, 255.0, 0.0), (0.0, 0.0, 255.0)),
    (CAFFE_BGR.offset[2], CAFFE_BGR.offset[1], CAFFE_BGR.offset[0]),
)

PREPROCESSINGS: Mapping[str, Preprocessing] = {"torchvision": IMAGENET_RGB, "caffe": CAFFE_BGR, "caffe-rgb": CAFFE_RGB}

_ALIKE = 0.9  # cosine

# conv1_1, second filter, (in, y, x): Oxford's VGG-19, unit length.  Yellow against blue, so it tells BGR from RGB.
_CAFFE_VGG19 = (
    (0.202, 0.283, 0.137, 0.283, 0.391, 0.169, 0.213, 0.299, 0.140),
    (0.071, 0.111, -0.014, 0.120, 0.187, -0.015, 0.082, 0.128, -0.012),
    (-0.178, -0.167, -0.245, -0.169, -0.132, -0.283, -0.165, -0.150, -0.243),
)
# conv1_1, first filter, as printed in published notebooks: torchvision's VGG-19 and VGG-16.
_TORCHVISION_VGG19 = (
    (-0.0535, -0.0493, -0.0679, 0.0153, 0.0451, 0.0021, 0.0362, 0.0200, 0.0199),
    (0.0170, 0.0554, -0.0062, 0.1417, 0.2271, 0.1376, 0.1200, 0.2003, 0.0921),
    (-0.0449, 0.0127, -0.0145, 0.0597, 0.1396, 0.0541, -0.0010, 0.0583, -0.0297),
)
_TORCHVISION_VGG16 = (
    (-0.5537, 0.1427, 0.5290, -0.5831, 0.3566, 0.7657, -0.6902, -0.0480, 0.4841),
    (0.1755, 0.0099, -0.0814, 0.0441, -0.0703, -0.2604, 0.1324, -0.1728, -0.1323),
    (0.3130, -0.1659, -0.4275, 0.4752, -0.0827, -0.4870, 0.6320, 0.0193, -0.2775),
)

# Which of PREPROCESSINGS, which filter of conv1_1, its values.
_KNOWN = (
    ("caffe", 1, _CAFFE_VGG19),
    ("caffe-rgb", 1, _CAFFE_VGG19[::-1]),
    ("torchvision", 0, _TORCHVISION_VGG19),
    ("torchvision", 0, _TORCHVISION_VGG16),
)


def recognised_preprocessing(weight: Tensor) -> str | None:
    """The name in `PREPROCESSINGS` that belongs to the filters of a conv1_1; None if no published network has them.

    Shape: (out, 3, 3, 3).
    """
    for name, index, values in _KNOWN:
        published = torch.tensor(values, dtype=torch.float32).flatten()
        if len(weight) > index and F.cosine_similarity(weight[index].flatten(), published, dim=0) > _ALIKE:
            return name
    return None
