"""docs/studio-api.md says what is so: its commands run, and every route has its place in it."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from in_studio import TOKEN
from PIL import Image

from impasto.record import read_record
from impasto.studio.app import application

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [DOCS / "studio-api.md", DOCS / "zh" / "studio-api.md"]


def blocks(page):
    return re.findall(r"^```(?:sh|bash)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.mark.skipif(not (shutil.which("bash") and shutil.which("curl")), reason="needs bash and curl")
def test_the_commands_run(at_work, photo, painting, tmp_path):
    start, names, *others = blocks(PAGES[0])
    assert "impasto studio --port 7860" in start and "STUDIO=http://127.0.0.1:7860" in names
    (tmp_path / "photo.jpg").write_bytes(photo)
    (tmp_path / "painting.jpg").write_bytes(painting)
    script = names.replace("http://127.0.0.1:7860", at_work.address) + "\n".join(others).replace(
        "curl ", "curl --fail "
    )
    environment = {**os.environ, "IMPASTO_STUDIO_TOKEN": TOKEN}
    command = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert np.asarray(Image.open(tmp_path / "out.png")).shape == (48, 64, 3)
    assert read_record(tmp_path / "out.png").settings["strength"] == 0.6
    assert all((tmp_path / name).read_bytes()[:2] == b"\xff\xd8" for name in ("small.jpg", "mosaic.jpg"))
    assert [job.state for job in at_work.queue.all()] == ["done"], "the second run was removed"


def test_both_pages_have_the_same_commands():
    assert blocks(PAGES[0]) == blocks(PAGES[1])


def test_every_route_is_in_the_documentation(idle):
    routes = {
        route.path for route in application(idle.shelf, idle.queue, None).routes if not route.path.startswith("/page/")
    } - {"/"}
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for route in routes:
            words = (
                re.escape(route)
                .replace(r"\{id\}", "(ID|\\$\\w+)")
                .replace(r"\{number:int\}", "N")
                .replace(r"\{name\}", "\\w+")
            )
            assert re.search(words, text), route
