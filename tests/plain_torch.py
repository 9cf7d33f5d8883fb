"""The settings that Gatys et al. published with their code, as a plain PyTorch program without impasto."""

import torch
import torch.nn.functional as F

STYLE_LAYERS = {"conv1_1": 64, "conv2_1": 128, "conv3_1": 256, "conv4_1": 512, "conv5_1": 512}  # channels in VGG-19
CONTENT_LAYER = "conv4_2"
MEAN = (0.40760392, 0.45795686, 0.48501961)  # of ImageNet: blue, green, red


def optimised(weights, content, style, evaluations):
    """(picture, loss, gradient) of each evaluation in turn, in the program's units: BGR from 0 to 255 less the mean.

    `weights` is {"conv1_1": (kernel, bias), ...}, shallow to deep; pictures are (1, 3, H, W), RGB in [0, 1].
    """
    wanted = features(weights, seen(content))[CONTENT_LAYER]
    grams = {layer: gram(f) for layer, f in features(weights, seen(style)).items() if layer in STYLE_LAYERS}
    picture, told = seen(content).clone(memory_format=torch.contiguous_format).requires_grad_(), []
    optimizer = torch.optim.LBFGS([picture])

    def closure():
        optimizer.zero_grad()
        found = features(weights, picture)
        loss = F.mse_loss(found[CONTENT_LAYER], wanted)
        for layer, channels in STYLE_LAYERS.items():
            loss = loss + 1e3 / channels**2 * F.mse_loss(gram(found[layer]), grams[layer])
        loss.backward()
        told.append((picture.detach().clone(), float(loss.detach()), picture.grad.clone()))
        return loss

    while len(told) < evaluations:
        optimizer.step(closure)
    return told[:evaluations]


def seen(rgb):
    mean = torch.tensor(MEAN, dtype=rgb.dtype)[:, None, None]
    return (rgb.flip(1) - mean) * 255


def shown(picture):
    """What `seen` was given."""
    return (picture / 255 + torch.tensor(MEAN, dtype=picture.dtype)[:, None, None]).flip(1)


def features(weights, x):
    found = {}
    for name, (kernel, bias) in weights.items():
        if name.endswith("_1") and found:
            x = F.max_pool2d(x, 2)
        x = found[name] = F.relu(F.conv2d(x, kernel, bias, padding=1))
        if name == "conv5_1":
            return found
    return found


def gram(f):
    rows = f[0].flatten(1)
    return rows @ rows.T / rows.shape[1]
