"""The studio's two pictures in docs/: wide and light, narrow and dark.

    python benchmarks/studio_pictures.py demo/photo.png --folder FOLDER --browser /usr/bin/chromium

FOLDER keeps the runs, so that a second time is quick. Needs the extra `test-browser`, and a browser.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import httpx
from PIL import Image
from playwright.sync_api import sync_playwright

DOCS = Path(__file__).parents[1] / "docs"
TOKEN = "a-token-of-pictures"
STYLES = {"ink-wash": 0.5, "stained-glass": 0.5, "pastel": 0.5, "woodcut": 0.6, "gold-leaf": 0.5, "brushstrokes": 0.6}
QUALITY = 88


def filled(address: str, photo: Path) -> None:
    """The studio with a run for each style, all of which have ended."""
    client = httpx.Client(base_url=address, headers={"authorization": f"Bearer {TOKEN}"}, timeout=100)
    if not client.get("/runs").json():
        id = client.post("/pictures", files={"picture": (photo.name, photo.read_bytes())}).json()["id"]
        for style, strength in STYLES.items():
            body = {"content": id, "styles": [f"swatch:{style}"], "settings": {"strength": strength}}
            client.post("/runs", json=body).raise_for_status()
    while not all(run["state"] == "done" for run in client.get("/runs").json()):
        time.sleep(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", type=Path)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--browser", default="/usr/bin/chromium")
    given = parser.parse_args()
    environment = {**os.environ, "IMPASTO_STUDIO_TOKEN": TOKEN, "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "impasto", "studio", "--port", "0", "--folder", given.folder]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            address = re.search(r"http://[\w.:]+", process.stdout.readline())[0]
            filled(address, given.photo)
            with sync_playwright() as driver:
                browser = driver.chromium.launch(executable_path=given.browser, args=["--no-sandbox"])
                for name, width, height, scheme, scale in (
                    ("studio", 1360, 860, "light", 1.5),
                    ("studio-narrow", 390, 844, "dark", 2),
                ):
                    size = {"width": width, "height": height}
                    context = browser.new_context(viewport=size, color_scheme=scheme, device_scale_factor=scale)
                    page = context.new_page()
                    page.goto(f"{address}/#{TOKEN}")
                    page.locator("body.ready").wait_for()
                    page.locator(".card", has_text="brushstrokes").click()
                    page.locator("#run-acts").get_by_role("button", name="Use these settings").click()
                    page.locator(".photo img[src]").wait_for()
                    page.locator(".toast").wait_for(state="detached", timeout=20_000)
                    page.locator("#stage").focus()
                    page.keyboard.press("c")
                    page.evaluate("scrollTo(0, 0)")
                    time.sleep(2)  # so that all thumbnails are there
                    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
                    shot.save(DOCS / f"{name}.jpg", quality=QUALITY)
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
