"""The ONNX graphs of instant mode give what PyTorch gives."""

from pathlib import Path

import numpy as np
import pytest
import torch

from impasto import swatches
from impasto.instant import Style, load_instant
from impasto.instant.export import GRAPHS, Transport, _moments, roots_by_products
from impasto.instant.transport import Origin

onnxruntime = pytest.importorskip("onnxruntime", reason="needs onnxruntime")
pytest.importorskip("onnxscript", reason="needs the extra onnx")

SCRIPTS = Path(__file__).parents[1] / "scripts"


def drawn(name, width, height):
    pixels = swatches.draw(name, width=width, height=height)
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255


@pytest.fixture(scope="module")
def network():
    return load_instant()


@pytest.fixture(scope="module")
def graphs():
    """Written by the command, unless nothing has changed since."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SCRIPTS)
        folder = pytest.importorskip("graphs", reason="needs scripts/").exported()
    return {name: onnxruntime.InferenceSession(folder / f"{name}.onnx") for name in GRAPHS}


def run(graph, *values):
    return graph.run(None, {each.name: np.asarray(v) for each, v in zip(graph.get_inputs(), values, strict=True)})


@pytest.mark.parametrize("size", [(64, 96), (120, 88), (136, 200)])
def test_graphs_paint_what_pytorch_paints_at_any_size(graphs, network, size):
    photo, style = drawn("watercolor", *reversed(size)), drawn("mosaic", 107, 85)

    def painted(*shares):
        amount, freedom = (np.float32([share]) for share in shares)
        (picture,) = run(graphs["paint"], grained, *run(graphs["transport"], *known, amount, freedom), amount)
        return picture

    for amount, freedom in ((0.0, 0.0), (0.6, 0.0), (1.0, 1.0)):
        (grained,) = run(graphs["grain"], photo, np.float32([amount]))
        own, target = (run(graphs["see"], each) for each in (grained, style))
        known = [*own[:-2], *target[:-2]]
        unsaid = photo.numpy() - painted(0.0, 0.0)
        picture = (painted(amount, freedom) + (1 - amount) * unsaid).clip(0, 1)
        (picture,) = run(graphs["color"], picture, *target[-2:], np.float32([amount]))
        expected = network.paint(photo, [Style([style], [None], [1.0])], amount=amount, freedom=freedom)
        assert np.abs(picture.clip(0, 1) - expected.numpy()).max() < 1e-3


def test_a_blend_is_the_mean_of_what_is_seen(graphs, network):
    photo, a, b = drawn("watercolor", 96, 64), drawn("mosaic", 80, 80), drawn("woodcut", 96, 64)
    (grained,) = run(graphs["grain"], photo, np.float32([1]))
    own, *both = (run(graphs["see"], picture) for picture in (grained, a, b))
    mean = [0.3 * x + 0.7 * y for x, y in zip(*both, strict=True)]
    told = run(graphs["transport"], *own[:-2], *mean[:-2], np.float32([1]), np.float32([0]))
    (picture,) = run(graphs["paint"], grained, *told, np.float32([1]))
    (picture,) = run(graphs["color"], picture.clip(0, 1), *mean[-2:], np.float32([1]))
    expected = network.paint(photo, [Style([a, b], [None, None], [0.3, 0.7])])
    assert np.abs(picture.clip(0, 1) - expected.numpy()).max() < 1e-3


def test_roots_by_products_are_those_by_eigenvalues(normal):
    known = [(f.mean((2, 3)), (f.flatten(2) @ f.flatten(2).mT) / 600) for f in (normal(1, 20, 20, 30).float(),) * 4]
    moments = list(_moments([part for pair in known for part in pair]).values())
    found, expected = (Origin.of(moments[0], *roots).to(moments[1]) for roots in ((roots_by_products,), ()))
    torch.testing.assert_close(found.matrix, expected.matrix, atol=1e-5, rtol=0)
    assert Transport.__doc__


def test_what_is_there_is_not_overwritten(graphs, impasto, tmp_path):
    (tmp_path / "paint.onnx").write_bytes(b"")
    code, _, err = impasto("export", str(tmp_path))
    assert code == 2
    assert "--force" in err
