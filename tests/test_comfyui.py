"""The nodes for ComfyUI, run by a stand-in for it: the same pictures as from Python, batches, masks, cancelling."""

import asyncio
import importlib.util
import json
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import impasto
from comfy_stand_in import Comfy, InterruptedError
from impasto import presets
from impasto.errors import UsageError

FOLDER = Path(__file__).parents[1] / "integrations" / "comfyui"
QUICK = {"preset": "fast", "size": 48, "iterations": 2}


@pytest.fixture
def comfy(monkeypatch):
    comfy = Comfy()
    comfy.install(monkeypatch)
    return comfy


@pytest.fixture
def package(comfy, monkeypatch):
    """The folder, loaded as ComfyUI does it: by its path, as a package of any name."""
    spec = importlib.util.spec_from_file_location(
        "nodes_of_impasto", FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)]
    )
    package = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, package)
    spec.loader.exec_module(package)
    yield package
    for name in [each for each in sys.modules if each.startswith(f"{spec.name}.")]:
        del sys.modules[name]


def nodes_of(package):
    async def listed():
        return await (await package.comfy_entrypoint()).get_node_list()

    return {node.define_schema().node_id: node for node in asyncio.run(listed())}


@pytest.fixture
def nodes(package):
    return nodes_of(package)


@pytest.fixture
def transfer(comfy, nodes):
    """transfer(**inputs): the batch that the node Transfer gives, small and quick."""
    return lambda **inputs: comfy.run(nodes["ImpastoTransfer"], **{**QUICK, **inputs})[0]


@pytest.fixture
def photos(uniform):
    return uniform(2, 40, 48, 3).float()


@pytest.fixture
def style(uniform):
    return uniform(1, 48, 48, 3).float()


def half(side=slice(0, 24)):
    mask = torch.zeros(1, 40, 48)
    mask[..., side] = 1
    return mask


def as_python(photo, styles, **request):
    """The same from Python.  Shape: (H, W, 3) each."""
    pictures = [each.movedim(-1, 0) for each in (photo, *styles)]
    made = impasto.stylize(pictures[0], pictures[1:], output="torch", device="cpu", **{**QUICK, **request})
    return made[0].movedim(0, -1)


def test_it_paints_what_python_paints_and_tells_how_far_it_is(comfy, transfer, photos, style):
    made = transfer(content=photos[:1], **{"styles.style0": style})
    assert torch.equal(made[0], as_python(photos[0], style))
    assert [told[:2] for told in comfy.told] == [(1, 2), (2, 2)]
    assert comfy.told[-1][2].size == (48, 40)


def test_a_batch_is_painted_picture_by_picture_under_one_bar(comfy, transfer, photos, style):
    before = photos.clone()
    made = transfer(content=photos, strength=0.8, **{"styles.style0": style, "styles.style1": style.flip(1)})
    assert made.shape == (2, 40, 48, 3) and made.dtype == torch.float32
    styles = [style[0], style.flip(1)[0]]
    assert all(torch.equal(a, as_python(b, styles, strength=0.8)) for a, b in zip(made, photos, strict=True))
    assert [told[:2] for told in comfy.told] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert torch.equal(photos, before)


def test_several_pictures_of_a_style_are_blended(transfer, photos, style):
    both = torch.cat([style, style.flip(2)])
    assert torch.equal(transfer(content=photos[:1], **{"styles.style0": both}), as_python(photos[0], both)[None])


def test_cancelling_ends_it_within_an_evaluation(comfy, transfer, photos, style):
    comfy.cancel_at = 3
    with pytest.raises(InterruptedError):
        transfer(content=photos, iterations=50, **{"styles.style0": style})
    assert len(comfy.told) == 3


@pytest.mark.parametrize(("often", "previews"), [(1000.0, 2), (0.0, 5)], ids=["seldom", "at every step"])
def test_previews_are_few(comfy, package, transfer, photos, style, monkeypatch, often, previews):
    """The first, one in so many seconds, and the last of each picture; the bar itself moves at every step."""
    monkeypatch.setattr(sys.modules[f"{package.__name__}.carrying_out"], "OFTEN", often)
    transfer(content=photos[:1], iterations=5, **{"styles.style0": style})
    assert sum(preview is not None for _, _, preview in comfy.told) == previews
    assert len(comfy.told) == 5


def test_a_mask_keeps_the_photograph(transfer, photos, style):
    for keep in (half(), half()[0]):
        made = transfer(content=photos[:1], keep=keep, **{"styles.style0": style})
        assert torch.equal(made[0, :, :24], photos[0, :, :24])
        assert not torch.allclose(made[0, :, 30:], photos[0, :, 30:], atol=0.05)


def test_an_empty_mask_is_none(transfer, photos, style):
    without = transfer(content=photos[:1], **{"styles.style0": style})
    empty = torch.zeros(1, 64, 64)
    assert torch.equal(transfer(content=photos[:1], keep=empty, transparent=empty, **{"styles.style0": style}), without)


def test_each_picture_of_a_batch_may_have_its_mask(transfer, photos, style):
    masks = torch.cat([half(), half(slice(24, 48))])
    made = transfer(content=photos, keep=masks, **{"styles.style0": style})
    assert torch.equal(made[0, :, :24], photos[0, :, :24]) and torch.equal(made[1, :, 24:], photos[1, :, 24:])


def test_what_load_image_calls_its_mask_is_inverted_transparency(transfer, photos, style):
    """What cannot be seen makes no difference to what can, and counts for nothing."""
    other = photos[:1].clone()
    other[:, :, :24] = 0.9
    made = [transfer(content=each, transparent=half(), **{"styles.style0": style}) for each in (photos[:1], other)]
    assert torch.allclose(made[0][:, :, 32:], made[1][:, :, 32:], atol=1e-4)
    photo = torch.cat([photos[0].movedim(-1, 0), 1 - half()])
    python = impasto.stylize(photo, style[0].movedim(-1, 0), output="torch", device="cpu", **QUICK)
    assert torch.equal(made[0][0], python[0].movedim(0, -1))


def test_regions_are_chained(comfy, nodes, transfer, photos, style):
    (first,) = comfy.run(nodes["ImpastoRegions"], mask=half(), style=style)
    (both,) = comfy.run(nodes["ImpastoRegions"], mask=half(slice(24, 48)), style=style.flip(1), regions=first)
    sky = impasto.Region(half()[0], style[0].movedim(-1, 0))
    ground = impasto.Region(half(slice(24, 48))[0], style.flip(1)[0].movedim(-1, 0))
    python = as_python(photos[0], [], regions=[sky, ground])
    assert torch.equal(transfer(content=photos[:1], regions=both)[0], python)
    left = transfer(content=photos[:1], regions=first)
    assert torch.allclose(left[0, :, 32:], photos[0, :, 32:], atol=1e-3)  # without a style the rest stays what it is


def test_a_fourth_channel_is_left_out(transfer, photos, style):
    four = torch.cat([photos[:1], torch.zeros(1, 40, 48, 1)], dim=-1)
    made = [transfer(content=each, **{"styles.style0": style}) for each in (four, photos[:1])]
    assert torch.equal(*made)


def test_swatches_are_drawn(comfy, nodes):
    (drawn,) = comfy.run(nodes["ImpastoSwatch"], name="mosaic", width=64, height=48)
    assert drawn.shape == (1, 48, 64, 3) and drawn.dtype == torch.float32
    assert torch.equal(
        (drawn[0] * 255).round().byte(), torch.from_numpy(impasto.swatches.draw("mosaic", width=64, height=48))
    )


def test_size_0_is_the_photographs_own(transfer, photos, style):
    assert transfer(content=photos[:1, :32, :36], size=0, **{"styles.style0": style}).shape == (1, 32, 36, 3)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "Connect at least one style"),
        ({"styles.style0": torch.rand(1, 48, 48, 3), "keep": torch.ones(3, 40, 48)}, "keep has 3 masks for 2 pictures"),
        ({"styles.style0": torch.rand(1, 48, 48, 3), "keep": torch.ones(1, 40, 48)}, "keeps the whole picture"),
        ({"styles.style0": torch.rand(1, 48, 48, 3), "keep": torch.ones(1, 48, 40)}, "40x48 pixels"),
        ({"styles.style0": torch.rand(1, 48, 48, 3), "transparent": torch.ones(1, 9, 9)}, "transparent has 9x9 pixels"),
        ({"styles.style0": torch.rand(1, 48, 48, 3), "iterations": 1, "size": 8192}, "levels"),
    ],
    ids=["no style", "masks", "all kept", "shape", "transparency", "impossible"],
)
def test_what_cannot_be_is_told(transfer, photos, inputs, message):
    with pytest.raises(UsageError, match=message):
        transfer(content=photos, **inputs)


def test_a_region_with_an_empty_mask_is_told(comfy, nodes, transfer, photos, style):
    (empty,) = comfy.run(nodes["ImpastoRegions"], mask=torch.zeros(1, 64, 64), style=style)
    with pytest.raises(UsageError, match="mask of region 1 is empty"):
        transfer(content=photos[:1], regions=empty)


def test_a_device_that_impasto_does_not_know_is_left_alone(comfy, transfer, photos, style):
    comfy.device = torch.device("privateuseone")
    assert transfer(content=photos[:1], **{"styles.style0": style}).shape == (1, 40, 48, 3)


def test_widgets_are_as_the_recipe_describes_its_settings(nodes):
    inputs = {each.id: each for each in nodes["ImpastoTransfer"].define_schema().inputs}
    recipe = impasto.Recipe()
    assert {name: inputs[name].default for name in ("strength", "colors", "style_scale", "seed")} == {
        name: getattr(recipe, name) for name in ("strength", "colors", "style_scale", "seed")
    }
    assert inputs["preset"].options == [name for name in impasto.PRESETS if name != "instant"]
    assert all(each.tooltip for each in inputs.values())


def test_instant_is_there_if_impasto_has_it(comfy, package, photos, style, monkeypatch):
    without = {name: each for name, each in impasto.PRESETS.items() if name != "instant"}
    settings = sys.modules[f"{package.__name__}.nodes"]
    monkeypatch.setattr(settings, "PRESETS", without)
    assert "ImpastoInstant" not in nodes_of(package)
    quick = replace(presets.preset("palette"), name="instant")  # in its place: one evaluation, no strokes
    with_it = {**without, "instant": quick}
    monkeypatch.setattr(settings, "PRESETS", with_it)
    monkeypatch.setattr(presets, "PRESETS", with_it)
    made = comfy.run(nodes_of(package)["ImpastoInstant"], content=photos, **{"styles.style0": style})[0]
    assert made.shape == photos.shape


def test_the_workflow_runs(comfy, nodes, photos):
    graph = json.loads((FOLDER / "example_workflows" / "transfer.json").read_text(encoding="utf-8"))
    for node in graph["nodes"]:
        if node["type"] == "ImpastoTransfer":
            assert node["widgets_values"][:3] == ["default", 0.5, 512]
            node["widgets_values"][:3] = ["fast", 0.5, 48]
            node["widgets_values"][5] = 2
        if node["type"] == "ImpastoSwatch":
            node["widgets_values"][1:3] = [64, 48]
    made = comfy.workflow(graph, nodes, load=lambda name: (photos[:1], torch.zeros(1, 64, 64)))
    (saved,) = next(made[node["id"]] for node in graph["nodes"] if node["type"] == "SaveImage")
    assert saved.shape == (1, 40, 48, 3)


def test_the_registry_is_told_what_it_wants():
    about = tomllib.loads((FOLDER / "pyproject.toml").read_text(encoding="utf-8"))
    assert "comfyui" not in about["project"]["name"].lower() and len(about["project"]["name"]) < 100
    assert len(about["project"]["version"].split(".")) == 3
    assert about["project"]["urls"]["Repository"]
    assert {"PublisherId", "DisplayName"} <= about["tool"]["comfy"].keys()
    needed = (FOLDER / "requirements.txt").read_text(encoding="utf-8").split()
    assert about["project"]["dependencies"] == needed
