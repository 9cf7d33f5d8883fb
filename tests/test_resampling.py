"""Changing a picture's size as other programs do, to the last bit."""

import numpy as np
import pytest
import torch
from PIL import Image

from impasto.images import from_array, resize_like_opencv, resize_nearest

# What `cv2.resize(picture(), (width, height))` gives, OpenCV 4.12 and 5.0 alike: first and second channel.
OPENCV = {
    (3, 4): (
        [[16, 63, 179, 107], [78, 125, 240, 169], [140, 186, 78, 124]],
        [[16, 59, 37, 37], [73, 104, 198, 101], [34, 148, 135, 100]],
    ),
    (2, 9): (
        [[28, 35, 53, 84, 127, 186, 116, 87, 168], [120, 127, 146, 176, 219, 80, 95, 158, 196]],
        [[5, 50, 104, 114, 18, 71, 124, 113, 31], [5, 31, 62, 79, 60, 91, 86, 89, 116]],
    ),
    (7, 10): (
        [
            [0, 6, 19, 42, 80, 126, 168, 58, 73, 140],
            [21, 27, 40, 63, 101, 147, 189, 79, 94, 161],
            [47, 54, 67, 90, 127, 173, 216, 106, 121, 187],
            [74, 80, 93, 116, 154, 200, 242, 132, 147, 214],
            [100, 106, 120, 143, 180, 162, 95, 113, 174, 240],
            [127, 133, 146, 169, 206, 163, 52, 121, 151, 157],
            [148, 154, 167, 190, 228, 184, 73, 142, 106, 32],
        ],
        [
            [5, 5, 5, 5, 5, 5, 5, 5, 5, 5],
            [5, 33, 70, 106, 48, 33, 69, 106, 76, 24],
            [5, 69, 133, 164, 75, 68, 146, 177, 125, 49],
            [5, 105, 169, 117, 65, 103, 217, 166, 114, 73],
            [5, 40, 67, 61, 54, 74, 115, 109, 102, 97],
            [5, 36, 75, 114, 82, 83, 116, 79, 91, 121],
            [5, 64, 140, 216, 125, 111, 174, 70, 81, 141],
        ],
    ),
}


def picture():
    """Five rows, seven columns, three channels of 8 bits, wrapping round often."""
    i, j = np.mgrid[:5, :7]
    return np.stack([(37 * i + 11 * j * j) % 256, (91 * i * j + 5) % 256, (200 - 13 * i * i - 7 * j) % 256], -1).astype(
        np.uint8
    )


def levels(image):
    return (image[0] * 255).round().long()


@pytest.mark.parametrize("size", OPENCV)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_opencv_is_matched_to_the_last_bit(size, dtype):
    image = from_array(picture()).pixels.to(dtype)
    resized = resize_like_opencv(image, *size)
    assert resized.dtype == dtype
    assert levels(resized)[:2].tolist() == [*map(list, OPENCV[size])]


def test_opencv_leaves_a_picture_of_the_right_size_as_it_is(uniform):
    image = uniform(1, 3, 5, 7)
    assert resize_like_opencv(image, 5, 7) is image


def test_opencv_at_half_the_size_is_the_mean_of_four_halves_up(uniform):
    image = (uniform(1, 3, 8, 12) * 255).round() / 255
    means = torch.nn.functional.avg_pool2d(image * 255, 2)[0]
    assert torch.equal(levels(resize_like_opencv(image, 4, 6)), (means + 0.5).floor().long())


@pytest.mark.parametrize(("height", "width"), [(3, 4), (11, 7), (5, 7), (1, 1)])
def test_nearest_is_what_pillow_takes(height, width):
    image = from_array(picture()).pixels
    expected = Image.fromarray(picture()).resize((width, height), Image.Resampling.NEAREST)
    assert torch.equal(resize_nearest(image, height, width), from_array(np.asarray(expected)).pixels)
