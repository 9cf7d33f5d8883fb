"""Runs over HTTP: the same pictures as the command's, live, stopped, gone on with, queued, kept."""

from __future__ import annotations

import io
import socket
import threading
import time
from dataclasses import dataclass
from itertools import pairwise

import httpx
import numpy as np
import pytest
from in_studio import QUICK, Studio, png
from PIL import Image

from impasto.errors import OutputError
from impasto.ranges import whole
from impasto.recipe import Recipe
from impasto.record import read_record
from impasto.settings import setting
from impasto.studio import form
from impasto.studio import job as jobs


def asked(studio, photo, **settings):
    return {"content": studio.send(photo)["id"], "styles": ["swatch:mosaic"], "settings": QUICK | settings}


def test_a_picture_is_the_commands_to_the_pixel(at_work, photo, painting, impasto, tmp_path, monkeypatch):
    mask = np.zeros((60, 80))
    mask[:, :40] = 255
    keep = np.zeros((60, 80))
    keep[40:] = 255
    files = {"photo.png": photo, "painting.png": painting, "left.png": png(mask), "low.png": png(keep)}
    ids = {name: at_work.send(data, name)["id"] for name, data in files.items()}
    body = {
        "content": ids["photo.png"],
        "styles": [ids["painting.png"], "swatch:mosaic"],
        "regions": [{"mask": ids["left.png"], "style": "swatch:batik"}],
        "keep": ids["low.png"],
        "settings": QUICK | {"style_weights": [2, 1], "colors": "luminance", "strength": 0.6},
    }
    id = at_work.run(body)
    messages = at_work.events(id)
    assert at_work.job(id)["state"] == "done", at_work.job(id)
    assert {event for _, event, _ in messages} <= {"state", "step"}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    monkeypatch.chdir(tmp_path)
    styles = "-s painting.png -s swatch:mosaic --style-weights 2,1 --region left.png=swatch:batik --keep low.png"
    look = "--size 64 --iterations 6 --colors luminance --strength 0.6 -q -o out.png"
    code, _, said = impasto("transfer", "photo.png", *styles.split(), *look.split())
    assert code == 0, said
    assert np.array_equal(at_work.pixels(id), np.asarray(Image.open("out.png")))
    (tmp_path / "studio.png").write_bytes(at_work.client.get(f"/runs/{id}/result.png").content)
    assert impasto("replay", "studio.png")[1].splitlines()[-1] == "result: the same"
    roles = [(each.role, each.name) for each in read_record("studio.png").inputs]
    assert ("content", "photo.png") in roles and ("region", "left.png") in roles
    difference = at_work.pixels(id, bits=16).astype(int) - at_work.pixels(id)  # Pillow reads the upper 8 bits
    assert abs(difference).max() <= 1
    assert at_work.client.get(f"/runs/{id}/result.png?bits=16").content[24] == 16, "the depth in a PNG's header"


def test_steps_have_losses_time_left_and_previews_while_somebody_listens(at_work, photo):
    id = at_work.run(asked(at_work, photo, iterations=12, colors="luminance"))
    steps = [data for _, event, data in at_work.events(id) if event == "step"]
    assert steps[-1]["done"] == steps[-1]["total"] == 12
    assert steps[-1]["fraction"] == 1 and steps[0]["left"] > 0
    assert steps[0]["loss"] == pytest.approx(sum(steps[0]["terms"].values()), rel=1e-5)
    number = steps[-1]["preview"]
    shown = at_work.client.get(f"/runs/{id}/preview/{number}")
    picture = np.asarray(Image.open(io.BytesIO(shown.content)).convert("RGB"))
    assert np.abs(picture - at_work.pixels(id).astype(float)).mean() < 6, "it is the same picture, but for JPEG"
    assert at_work.client.get(f"/runs/{id}/preview/{number + 1}").status_code == 404


def test_what_it_begins_with_is_there_before_the_first_step(at_work, photo):
    other = at_work.run(asked(at_work, photo, iterations=2000))
    id, heard = at_work.run(asked(at_work, photo)), []  # which waits until somebody listens
    thread = threading.Thread(target=lambda: heard.extend(at_work.events(id)))
    thread.start()
    at_work.until(id, lambda _: at_work.queue[id].feed.heard)
    at_work.client.post(f"/runs/{other}/stop")
    thread.join(60)
    begins = next(data for _, event, data in heard if event == "state" and data["state"] == "running")
    assert begins["preview"] == 1 and not begins["step"]


def test_previews_are_four_a_second_at_most(at_work, photo):
    id = at_work.run(asked(at_work, photo, iterations=150) | {"preset": "fast"})
    *steps, last = [data for _, event, data in at_work.events(id) if event == "step"]
    times = [new["seconds"] for old, new in pairwise(steps) if new["preview"] > old["preview"]]
    assert len(times) >= 2 and min(b - a for a, b in pairwise(times)) > 0.24
    assert last["preview"] == steps[-1]["preview"] + 1, "the last step has one in any case"


def test_nothing_goes_out(at_work, photo, monkeypatch):
    reached, connect = [], socket.socket.connect
    monkeypatch.setattr(socket.socket, "connect", lambda made, to: reached.append(to[0]) or connect(made, to))
    assert at_work.ended(at_work.run(asked(at_work, photo)))["state"] == "done"
    for path in ("/", "/settings", "/swatches/mosaic.jpg"):
        httpx.get(f"{at_work.address}{path}", headers=at_work.client.headers)
    assert reached and set(reached) == {"127.0.0.1"}, "those of the client"


def test_nobody_listens_so_no_preview_is_made(at_work, photo):
    id = at_work.run(asked(at_work, photo))
    assert at_work.ended(id)["preview"] == 0
    for query, status in {"bits=8": 200, "bits=16": 200, "bits=12": 400, "bits=": 400}.items():
        assert at_work.client.get(f"/runs/{id}/result.png?{query}").status_code == status
    for size, status in {1: 200, 2048: 200, 0: 400, 2049: 400}.items():
        assert at_work.client.get(f"/runs/{id}/picture?size={size}").status_code == status


def test_stopped_and_gone_on_with_it_is_as_if_nothing_had_happened(at_work, photo):
    body = asked(at_work, photo, iterations=40) | {"preset": "fast"}
    whole, id = at_work.run(body), at_work.run(body)
    at_work.until(id, lambda job: job["step"].get("done", 0) >= 5)
    began = time.monotonic()
    at_work.client.post(f"/runs/{id}/stop")
    job = at_work.ended(id)
    assert time.monotonic() - began < 2 and job["state"] == "stopped" and 5 <= job["step"]["done"] < 40
    kept = read_record(at_work.folder / "runs" / id / "result.png").result
    assert kept.evaluations == job["step"]["done"], "the picture of the last event"
    assert at_work.client.post(f"/runs/{whole}/resume").status_code == 409, "it is done"
    assert at_work.client.post(f"/runs/{id}/resume").json()["state"] == "queued"
    assert at_work.ended(id)["state"] == "done"
    assert np.array_equal(at_work.pixels(whole), at_work.pixels(id))
    assert not (at_work.folder / "runs" / id / "checkpoint").exists()


def test_what_waits_can_be_taken_out_and_what_is_at_work_not_removed(at_work, photo):
    body = asked(at_work, photo, iterations=2000)
    first, second, third = (at_work.run(body) for _ in range(3))
    at_work.until(first, lambda job: job["state"] == "running")
    assert [each["id"] for each in at_work.client.get("/runs").json()] == [third, second, first]
    assert at_work.client.post(f"/runs/{second}/stop").json()["state"] == "stopped"
    assert at_work.client.post(f"/runs/{first}/remove").status_code == 409
    assert at_work.client.post(f"/runs/{first}/resume").status_code == 409
    assert at_work.client.post(f"/runs/{third}/remove").status_code == 204
    at_work.client.post(f"/runs/{first}/stop")
    at_work.ended(first)
    assert at_work.client.post(f"/runs/{first}/remove").status_code == 204
    assert at_work.client.get(f"/runs/{first}").status_code == 404
    assert [path.name for path in (at_work.folder / "runs").iterdir()] == [second]


def test_a_queue_takes_twenty(idle, photo):
    body = asked(idle, photo)
    for _ in range(20):
        idle.run(body)
    refused = idle.client.post("/runs", json=body)
    assert refused.status_code == 409 and "20 runs are waiting" in refused.json()["error"]


def test_who_comes_back_hears_what_was_missed(at_work, photo):
    id = at_work.run(asked(at_work, photo))
    at_work.events(id)  # until its end has been told
    last = at_work.events(id)
    assert len(last) == 1 and last[0][1:2] == ("state",), "a newcomer hears how it stands"
    missed = at_work.events(id, **{"last-event-id": "2"})
    assert [number for number, _, _ in missed] == list(range(3, last[0][0] + 1))


def test_a_listener_in_mid_run_hears_the_end(at_work, photo):
    id, heard = at_work.run(asked(at_work, photo, iterations=30)), []
    thread = threading.Thread(target=lambda: heard.extend(at_work.events(id)))
    thread.start()
    thread.join(60)
    assert heard[-1][1] == "state" and heard[-1][2]["state"] == "done"


def test_a_restart_forgets_nothing(tmp_path, photo):
    first = Studio(tmp_path)
    done = first.run(asked(first, photo))
    first.ended(done)
    half = first.run(asked(first, photo, iterations=2000))
    first.until(half, lambda job: job["step"].get("done", 0) >= 3)
    first.close()
    second = Studio(tmp_path)
    try:
        assert [each["id"] for each in second.client.get("/runs").json()] == [half, done]
        assert second.job(done)["result"] and second.pixels(done).shape == (48, 64, 3)
        job = second.job(half)
        assert job["state"] == "stopped" and job["result"] and job["step"]["done"] >= 3
        second.client.post(f"/runs/{half}/resume")
        assert second.until(half, lambda now: now["step"]["done"] > job["step"]["done"])
    finally:
        second.close()


def test_a_result_that_is_sent_in_brings_its_settings_back(at_work, photo, painting):
    style = at_work.send(painting, "my painting.png")["id"]
    mask = at_work.send(png(np.tri(60, 80) * 255), "part.png")["id"]
    body = asked(at_work, photo, strength=0.7, colors="match", style_weights=[2, 1])
    body |= {"styles": ["swatch:mosaic", style], "preset": "fast", "regions": [{"mask": mask, "style": "swatch:batik"}]}
    id = at_work.run(body)
    at_work.ended(id)
    made = at_work.send(at_work.client.get(f"/runs/{id}/result.png").content, "out.png")["made"]
    assert made == at_work.job(id)["asked"]


def test_a_file_that_is_missing_is_named(at_work, photo, tmp_path):
    id = at_work.run(asked(at_work, photo))
    at_work.ended(id)
    elsewhere = Studio(tmp_path / "elsewhere", works=False)
    try:
        made = elsewhere.send(at_work.client.get(f"/runs/{id}/result.png").content, "out.png")["made"]
    finally:
        elsewhere.close()
    assert made["missing"] == ["photo.png"] and made["styles"] == ["swatch:mosaic"] and "content" not in made


def test_a_picture_that_is_lost_fails_with_its_reason(idle, photo):
    other = idle.send(png(np.zeros((30, 40))), "lost.png")["id"]
    id = idle.run(asked(idle, photo) | {"styles": [other]})
    (idle.folder / "pictures" / other).write_bytes(b"no longer")
    idle.queue.start()
    job = idle.ended(id)
    assert job["state"] == "failed" and "lost.png" in job["error"] and not job["result"]
    assert str(idle.folder) not in job["error"]
    assert not job["resumable"], "it would fail once more"
    idle.queue.close()


BLACK, WHITE, WIDE = png(np.zeros((60, 80))), png(np.full((60, 80), 255)), png(np.full((60, 200), 255))


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        ({"keep": BLACK}, "The mask mask.png is black, or nearly"),
        ({"keep": WHITE}, "keeps the whole picture"),
        ({"keep": WIDE}, "The mask mask.png is 200x60 pixels, but the photograph is 80x60"),
        ({"region": BLACK}, "The mask mask.png is black, or nearly"),
        ({"region": WIDE}, "Make it as large, or of the same shape"),
        ({"region": WHITE, "style_mask": BLACK}, "The mask mask.png is black, or nearly"),
        ({"region": WHITE, "style_mask": WIDE}, "but its style is 512x384"),
    ],
    ids=lambda given: "-".join(given) if isinstance(given, dict) else given[:20],
)
def test_a_mask_that_leaves_nothing_is_refused_at_once(refusing, photo, masks, message):
    ids = {name: refusing.send(data, "mask.png")["id"] for name, data in masks.items()}
    body = asked(refusing, photo)
    if "region" in ids:
        style_mask = {"style_mask": ids["style_mask"]} if "style_mask" in ids else {}
        body["regions"] = [{"mask": ids["region"], "style": "swatch:batik", **style_mask}]
    refused = refusing.client.post("/runs", json=body | ({"keep": ids["keep"]} if "keep" in ids else {}))
    assert refused.status_code == 400 and message in refused.json()["error"]
    assert refusing.client.get("/runs").json() == []


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"styles": None}, "A transfer needs at least one style image."),
        ({"styles": []}, "A transfer needs at least one style image."),
        ({"settings": {"style_weights": [1, 2]}}, "style_weights has 2 entries but there is 1 style image"),
        ({"settings": {"style_scale": [1, 2, 3]}}, "style_scale has 3 entries but there is 1 style image"),
        ({"settings": {"size": "80x60"}}, "a transfer has one size"),
        ({"settings": {"memory": "1MB"}}, "Choose a smaller size, or allow more memory"),
        ({"settings": {"encoder": "vgg16"}}, "vgg16.torchvision is not on this computer"),
        ({"settings": {"wrap": "x", "size": 500}}, "496x375 would do. Choose another size."),
        ({"settings": {"content_layers": ["relu6_1"]}}, "Unknown layer 'relu6_1'"),
        ({"settings": {"size": 1_000_000}}, "at most 32768 pixels a side"),
        ({"settings": {"device": "cuda:99"}}, "Device 'cuda:99'"),
    ],
    ids=str,
)
def test_what_can_never_be_painted_is_refused_at_once(refusing, photo, changed, message):
    refused = refusing.client.post("/runs", json=asked(refusing, photo) | changed)
    assert refused.status_code == 400 and message in refused.json()["error"]
    assert refusing.client.get("/runs").json() == []


def test_options_of_the_command_are_told_as_settings():
    said = form.without_dashes("Choose a smaller --style-scale or --size; impasto weights fetch vgg16 --force")
    assert said == "Choose a smaller style_scale or size; impasto weights fetch vgg16 --force"


def test_settings_are_those_of_the_command(refusing):
    from impasto.cli.making import transfer
    from impasto.recipe import SETTINGS

    offered = {each["name"]: each for each in refusing.client.get("/settings").json()}
    options = {each.name for each in transfer.params} & SETTINGS.keys()
    assert options - offered.keys() == {"weights", "max_pixels"} and offered.keys() - options == {"noise"}
    for each in offered.values():
        assert each["kind"] in ("whole", "number", "numbers", "switch", "choice", "text", "layers") and each["help"]
    assert offered["colors"]["choices"] == ["style", "content", "luminance", "histogram", "match"]
    assert [name for name, each in offered.items() if each["picture"]] == ["init"]
    assert not any("--" in each["help"] for each in offered.values())
    assert offered["seed"]["kind"] == "whole" and offered["size"]["free"]
    for preset in refusing.client.get("/presets").json():
        assert preset["settings"].keys() == offered.keys()


@dataclass(frozen=True, kw_only=True)
class Bolder(Recipe):
    """A recipe with one setting more."""

    boldness: int = setting(0, whole(), "How bold the strokes are.")


def test_a_setting_that_is_new_in_the_recipe_is_offered():
    *others, new = form.settings(Bolder)
    assert others == form.settings()
    assert (new["name"], new["kind"], new["help"]) == ("boldness", "whole", "How bold the strokes are.")


def test_pictures_and_swatches_are_shown_small(idle, photo):
    sent = idle.send(photo)
    assert (sent["width"], sent["height"], sent["alpha"], sent["made"]) == (80, 60, False, None)
    assert idle.send(photo)["id"] == sent["id"], "the same file is one picture"
    for path in (f"/pictures/{sent['id']}?size=40", "/swatches/mosaic.jpg?size=200"):
        answer = idle.client.get(path)
        assert answer.headers["content-type"] == "image/jpeg"
        assert max(Image.open(io.BytesIO(answer.content)).size) == (40 if "pictures" in path else 256)
    clear = png(np.dstack([np.full((20, 30, 3), 200), np.tri(20, 30) * 255]))
    answer = idle.client.get(f"/pictures/{idle.send(clear)['id']}")
    assert answer.headers["content-type"] == "image/png"
    assert [each["name"] for each in idle.client.get("/swatches").json()][:2] == ["brushstrokes", "pointillism"]


def test_what_cannot_be_kept_on_a_full_disk_is_told_and_the_next_run_is_made(at_work, photo, monkeypatch):
    kept, full = jobs.write_atomically, [True]

    def write(path, data):
        if full[0] and path.name == "about.json":
            raise OutputError(f"{path} cannot be written: No space left on device.")
        kept(path, data)

    monkeypatch.setattr(jobs, "write_atomically", write)
    first = at_work.run(asked(at_work, photo))
    assert at_work.ended(first)["state"] == "done"
    assert any("No space left" in note for note in at_work.ended(first)["notes"])
    full[0] = False
    assert at_work.ended(at_work.run(asked(at_work, photo)))["state"] == "done"


def test_a_run_that_waits_for_the_networks_can_be_stopped(tmp_path, photo, monkeypatch):
    loaded = threading.Event()
    studio = Studio(tmp_path / "studio", works=False)
    try:
        id = studio.run(asked(studio, photo))
        load = studio.queue._load
        monkeypatch.setattr(studio.queue, "_load", lambda: loaded.wait(60) and load())
        studio.queue.start()
        studio.until(id, lambda job: job["state"] == "preparing", 20)
        assert studio.queue.busy
        studio.client.post(f"/runs/{id}/stop")
        loaded.set()
        assert studio.ended(id)["state"] == "stopped"
    finally:
        loaded.set()
        studio.works = True
        studio.close()
