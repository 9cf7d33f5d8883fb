"""What the studio's networks tell at once: what a picture may look like, and what a photograph is of."""

import io
import time

import numpy as np
from in_studio import QUICK, png
from PIL import Image


def look(studio, body):
    answer = studio.client.post("/look", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/jpeg"
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB"), float)


def test_it_is_of_what_is_asked_for_and_leaves_nothing(idle, photo, painting):
    body = {"content": idle.send(photo)["id"], "styles": [idle.send(painting)["id"]]}
    first = look(idle, body)
    assert first.shape == (288, 384, 3)
    assert np.abs(look(idle, body) - first).max() == 0
    assert np.abs(look(idle, body | {"styles": ["swatch:woodcut"]}) - first).mean() > 5
    own = np.asarray(Image.open(io.BytesIO(photo)).convert("RGB").resize((384, 288)), float)
    apart = [np.abs(look(idle, body | {"settings": {"strength": s}}) - own).mean() for s in (0, 1)]
    assert apart[0] < apart[1]
    assert idle.client.get("/runs").json() == [] and not list((idle.folder / "runs").iterdir())


def test_parts_have_their_styles_and_what_is_kept_stays(idle, photo):
    left = np.zeros((60, 80))
    left[:, :40] = 255
    mask = idle.send(png(left))["id"]
    body = {"content": idle.send(photo)["id"], "styles": ["swatch:mosaic"]}
    whole, kept = look(idle, body), look(idle, body | {"keep": mask})
    parted = look(idle, body | {"regions": [{"mask": mask, "style": "swatch:woodcut"}]})
    own = np.asarray(Image.open(io.BytesIO(photo)).convert("RGB").resize((384, 288)), float)
    assert np.abs(kept - own)[:, :150].mean() < np.abs(whole - own)[:, :150].mean() / 2
    left, right = (np.ptp(parted, axis=2)[:, part].mean() for part in (slice(150), slice(234, None)))
    assert left < right / 2, "the woodcut has no colors"


def test_it_does_not_wait_for_a_run_and_does_not_slow_one_down(at_work, photo):
    body = {"content": at_work.send(photo)["id"], "styles": ["swatch:mosaic"]}
    id = at_work.run(body | {"settings": QUICK | {"iterations": 4000}})
    nothing = at_work.client.post("/look", json=body)
    assert (nothing.status_code, nothing.content) == (204, b"")
    at_work.client.post(f"/runs/{id}/stop")
    at_work.ended(id)
    look(at_work, body)
    began = time.perf_counter()
    look(at_work, body)
    print(f"a look of 384 pixels in {time.perf_counter() - began:.2f} s")


def test_what_makes_no_sense_is_refused(idle, photo):
    body = {"content": idle.send(photo)["id"], "styles": ["swatch:mosaic"]}
    for wrong, status in (
        ({"styles": []}, 400),
        ({"styles": ["swatch:none"]}, 400),
        ({"settings": {"strength": 2}}, 400),
        ({"content": "nothing"}, 404),
    ):
        assert idle.client.post("/look", json=body | wrong).status_code == status, wrong


def test_the_subject_of_a_photograph_is_a_picture_that_can_be_kept(idle):
    y, x = np.mgrid[:120, :160]
    inside = (y - 60) ** 2 + (x - 80) ** 2 < 35**2
    photo = np.where(inside[..., None], [220, 90, 30], [40, 90, 140]) + (x % 5)[..., None] * 4
    id = idle.send(png(photo))["id"]
    answer = idle.client.post(f"/pictures/{id}/subject")
    assert answer.status_code == 201, answer.text
    mask = answer.json()
    assert (mask["width"], mask["height"], mask["name"]) == (160, 120, "subject.png")
    seen = idle.client.get(f"/pictures/{mask['id']}?size=160").content
    found = np.asarray(Image.open(io.BytesIO(seen)).convert("L")) > 127
    assert (found & inside).sum() / (found | inside).sum() > 0.6
    body = {"content": id, "styles": ["swatch:mosaic"], "keep": mask["id"], "settings": QUICK}
    assert idle.client.post("/runs", json=body).status_code == 201
    assert idle.client.post("/pictures/nothing/subject").status_code == 404
