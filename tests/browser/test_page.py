# ruff: noqa: RUF001 - Chinese has its own punctuation
"""The page as a person uses it: a real browser, a real server, real runs."""

import re
import time

import numpy as np
import pytest
from PIL import Image

import warm

SECONDS = 180_000  # milliseconds that a run may take on a busy machine


def choose(page, files, style="mosaic", **settings):
    """A photograph, a swatch, and settings that are quick."""
    page.set_input_files("#first-file", files / "photo.png")
    page.locator(".photo img[src]").wait_for()
    swatch(page, style).click()
    page.select_option("#size", "original")
    page.select_option("#preset", "fast")
    if page.locator("#settings-fold").get_attribute("open") is None:
        page.locator("#settings-fold > summary").click()
    page.fill("#set-iterations", str(settings.get("iterations", 12)))
    page.locator("#set-iterations").blur()


def swatch(page, name):
    return page.locator("#gallery").get_by_role("button", name=name, exact=True)


def paint(page):
    page.locator("#paint").click()


def button(page, name):
    return page.locator("#run-acts").get_by_role("button", name=name, exact=True)


def downloaded(page, path):
    button(page, "Download").wait_for(timeout=SECONDS)
    with page.expect_download() as waiting:
        button(page, "Download").press("Enter")
    waiting.value.save_as(path)
    return np.asarray(Image.open(path))


def held_look(page, key):
    """Change the strength by a key: the request for the look of that, which is held back."""
    held = []
    page.route("**/look", lambda route: held.append(route))
    page.locator("#strength").press(key)
    while not held:
        page.wait_for_timeout(50)
    return held.pop()


def let_come(page, look):
    with page.expect_response("**/look"):
        look.continue_()
    page.wait_for_timeout(500)


def test_a_photograph_becomes_a_picture_with_the_commands_pixels(visit, files, tmp_path):
    page = visit()
    choose(page, files, iterations=40)
    began = time.monotonic()
    paint(page)
    page.locator("#after[src]:not([hidden])").wait_for(timeout=SECONDS)
    print(f"a first picture, which may be the look, after {time.monotonic() - began:.2f} s")
    page.locator("#status", has_text="of 40").or_(button(page, "Download")).first.wait_for(timeout=SECONDS)
    found = downloaded(page, tmp_path / "studio.png")
    command = "transfer photo.png swatch:mosaic --preset fast --size original --iterations 40 -q -o"
    warm.run(["-m", "impasto", *command.split(), tmp_path / "out.png"], cwd=files, check=True)
    assert np.array_equal(found, np.asarray(Image.open(tmp_path / "out.png")))
    show = ["-m", "impasto", "show", tmp_path / "studio.png"]
    assert "photo.png" in warm.run(show, capture_output=True, text=True, check=True).stdout


def test_stop_keeps_what_is_shown_and_it_goes_on(visit, files):
    page = visit()
    choose(page, files, "batik", iterations=3000)
    paint(page)
    page.locator("#after[src]:not([hidden])").wait_for(timeout=SECONDS)
    began = time.monotonic()
    button(page, "Stop").click()
    button(page, "Go on").wait_for()
    print(f"stopped within {time.monotonic() - began:.2f} s")
    done = int(re.search(r"Stopped after (\d+) of 3000", page.locator("#status").inner_text())[1])
    button(page, "Go on").click()
    page.locator("#status", has_text="of 3000").wait_for(timeout=SECONDS)
    page.reload()  # in mid-run: the page goes on watching
    page.locator("#status", has_text=re.compile(r"\d+ of 3000 · ")).wait_for(timeout=SECONDS)
    page.locator("#after[src]:not([hidden])").wait_for(timeout=SECONDS)
    page.keyboard.press("Escape")
    button(page, "Go on").wait_for(timeout=SECONDS)
    assert int(re.search(r"Stopped after (\d+) of", page.locator("#status").inner_text())[1]) > done


def test_two_in_the_queue_both_end_and_give_their_settings_back(visit, files):
    page = visit()
    choose(page, files, "woodcut")
    before = page.locator(".card").count()
    page.locator("#strength").press("ArrowRight")
    paint(page)
    swatch(page, "pastel").click()
    page.locator("#strength").press("End")
    page.locator("#paint", has_text="Queue one more").click()
    page.locator(".card").nth(before + 1).wait_for()
    page.locator("#paint", has_text=re.compile("^Paint$")).wait_for(timeout=SECONDS)
    assert page.locator(".card .state").all_inner_texts().count("waiting") == 0
    page.locator(".card", has_text="woodcut").first.click()
    button(page, "Use these settings").click()
    page.locator(".toast", has_text="The settings are those of that picture.").wait_for()
    assert page.locator("#strength").input_value() == "0.55"
    assert swatch(page, "woodcut").get_attribute("aria-pressed") == "true"
    assert page.locator("#set-iterations").input_value() == "12"


def test_a_look_that_comes_late_takes_nothing_from_the_runs(visit, files):
    page = visit()
    # Addresses that are given back are gone after 20 seconds, for which a test cannot wait.
    soon = "const later = setTimeout; setTimeout = (what, ms, ...to) => later(what, ms === 20000 ? 100 : ms, ...to);"
    page.add_init_script(soon)
    page.reload()
    page.locator("body.ready").wait_for()
    choose(page, files, "batik", iterations=3000)
    page.locator("#after[src]:not([hidden])").wait_for(timeout=SECONDS)
    page.wait_for_function("document.querySelector('#badge').textContent")
    look = held_look(page, "ArrowRight")
    paint(page)
    swatch(page, "pastel").click()
    page.locator("#paint", has_text="Queue one more").click()
    page.locator(".card .state", has_text="waiting").wait_for()
    let_come(page, look)
    button(page, "Stop").click()
    page.locator(".card", has_text="pastel").first.click()
    page.locator("#status", has_text="of 3000").wait_for(timeout=SECONDS)
    page.keyboard.press("Escape")
    button(page, "Go on").wait_for(timeout=SECONDS)


def test_what_is_painted_over_stays_as_it_is(visit, files, tmp_path):
    page = visit()
    choose(page, files, "embroidery")
    page.locator("#parts-fold > summary").click()
    page.get_by_role("button", name="Brush: Keep as it is").click()
    box = page.locator("#mask").bounding_box()

    def at(x, y):
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    page.locator("#brushes input").nth(1).press("Home")  # a hard edge
    for _ in range(12):
        page.keyboard.press("]")
    page.mouse.move(*at(0.15, 0.2))
    page.mouse.down()
    page.mouse.move(*at(0.15, 1.3), steps=12)  # out of the picture, which ends nothing
    page.mouse.move(*at(0.15, -0.2), steps=12)
    page.mouse.up()
    page.mouse.move(*at(0.9, 0.5))
    page.mouse.down()
    page.mouse.up()
    page.keyboard.press("Control+z")
    page.get_by_role("button", name="Finish").click()
    paint(page)
    found = downloaded(page, tmp_path / "kept.png").astype(int)
    photo = np.asarray(Image.open(files / "photo.png")).astype(int)
    same = (found == photo).all(-1)
    assert same[:, :16].all(), "what was painted over is the photograph, to the last bit"
    assert same[:, 64:].mean() < 0.05, "the rest is painted, also where a stroke was undone"
    swatch(page, "mosaic").click()  # another picture, then this one's settings once more, the mask with them
    page.get_by_role("button", name="Remove: Keep as it is").click()
    button(page, "Use these settings").click()
    page.get_by_role("button", name="Remove: Keep as it is").wait_for()
    cards = page.locator(".card").count()
    paint(page)
    page.locator(".card").nth(cards).wait_for()
    button(page, "Stop").wait_for(state="detached", timeout=SECONDS)
    assert np.array_equal(downloaded(page, tmp_path / "again.png"), found)


def test_a_picture_that_is_sent_in_brings_its_settings_back(visit, files, tmp_path):
    page = visit()
    choose(page, files, "cubism", iterations=9)
    paint(page)
    downloaded(page, tmp_path / "made.png")
    other = visit()
    other.set_input_files("#first-file", tmp_path / "made.png")
    other.locator(".toast", has_text="its settings are back").wait_for()
    assert other.locator("#set-iterations").input_value() == "9"
    assert other.locator(".photo strong").inner_text() == "photo.png"
    assert swatch(other, "cubism").get_attribute("aria-pressed") == "true"


def test_the_keyboard_alone_is_enough(visit, files, tmp_path):
    page = visit()
    page.set_input_files("#first-file", files / "photo.png")
    page.locator(".photo img[src]").wait_for()
    swatch(page, "halftone").press("Enter")
    page.locator("#size").select_option("original")
    page.locator("#preset").select_option("palette")
    page.keyboard.press("Control+Enter")
    downloaded(page, tmp_path / "out.png")
    page.locator("#stage").focus()
    page.keyboard.press("c")
    split = page.locator("#split")
    assert split.input_value() == "50"
    split.press("ArrowRight")
    assert split.get_attribute("aria-valuetext") == "51 %"
    assert page.locator("#world").evaluate("element => element.style.getPropertyValue('--split')") == "50.5%"
    page.locator("#stage").focus()
    page.keyboard.down(" ")
    assert page.locator("#badge").is_visible()
    page.keyboard.up(" ")
    assert page.locator("#badge").is_hidden()
    page.keyboard.press("+")
    assert "scale(1.5)" in page.locator("#world").get_attribute("style")
    page.keyboard.press("0")
    assert "scale(1)" in page.locator("#world").get_attribute("style")
    page.locator(".card").last.press("Enter")
    assert page.locator(".card").last.get_attribute("aria-current") == "true"


NAMELESS = """() => [...document.querySelectorAll("button, input, select, [role=button]")].filter((each) => {
    if (!each.checkVisibility({ visibilityProperty: true })) return false;
    const labels = [...(each.labels ?? [])].map((label) => label.textContent).join("");
    return !(each.textContent + labels + (each.getAttribute("aria-label") ?? "") + (each.title ?? "")).trim();
}).map((each) => each.outerHTML.slice(0, 200))"""


@pytest.mark.parametrize("language", ["en-US", "zh-CN"])
def test_everything_has_a_name_in_both_languages(visit, files, language):
    page = visit(locale=language)
    page.set_input_files("#first-file", files / "photo.png")
    for fold in ("#parts-fold", "#settings-fold"):
        page.locator(f"{fold} > summary").click()
    assert page.evaluate(NAMELESS) == []
    assert (
        page.locator("#paint").inner_text()
        in {"en-US": ("Paint", "Queue one more"), "zh-CN": ("开始画", "再排一张")}[language]
    )
    assert page.locator("html").get_attribute("lang") == {"en-US": "en", "zh-CN": "zh-Hans"}[language]
    assert page.locator("h1").count() == 1 and page.locator("main").count() == 1


def test_a_narrow_page_does_not_scroll_sideways(visit):
    page = visit(viewport={"width": 360, "height": 740}, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.locator("#paint").bounding_box()["height"] >= 42


@pytest.mark.parametrize("key", ["", "#wrong"])
def test_without_the_token_it_says_where_to_find_it_and_nothing_else(browser, address, key):
    context = browser.new_context(locale="en-US")
    page = context.new_page()
    page.goto(address.partition("#")[0] + key)
    page.locator("#locked", has_text="The address is not complete").wait_for()
    assert not page.locator("#paint").is_visible() and page.locator(".toast").count() == 0
    page.locator("#language").click()
    page.locator("#locked", has_text="地址不完整").wait_for()
    context.close()


def test_the_newest_message_alone_is_shown_above_the_button_and_can_be_closed(visit, files, tmp_path):
    page = visit(viewport={"width": 360, "height": 740}, has_touch=True)
    page.locator("#paint").scroll_into_view_if_needed()
    page.locator("#paint").click()
    page.locator(".toast", has_text="Choose a photograph first.").wait_for()
    page.locator("#all").evaluate("button => button.click()")
    assert page.locator(".toast").count() == 1
    page.locator(".toast").evaluate("toast => Promise.all(toast.getAnimations().map((each) => each.finished))")
    toast, button = page.locator(".toast").bounding_box(), page.locator("#paint").bounding_box()
    assert toast["y"] > 740 / 2 and toast["y"] + toast["height"] <= button["y"]
    page.screenshot(path=tmp_path / "toast.png")
    page.locator(".toast").get_by_role("button", name="Close").click()
    assert page.locator(".toast").count() == 0


def painted_over(page, x0, y0, x1, y1):
    """A stroke of the brush, in fractions of the picture."""
    box = page.locator("#mask").bounding_box()
    page.mouse.move(box["x"] + x0 * box["width"], box["y"] + y0 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + x1 * box["width"], box["y"] + y1 * box["height"], steps=6)
    page.mouse.up()


def asked_for(page):
    """Paint, and what was asked for."""
    with page.expect_request(lambda sent: sent.url.endswith("/runs") and sent.method == "POST") as waiting:
        paint(page)
    return waiting.value.post_data_json


def test_a_part_has_a_part_of_a_style_and_all_begins_with_a_picture(visit, files, tmp_path):
    page = visit()
    choose(page, files, "seigaiha")
    page.set_input_files(".setting input[type=file]", files / "painting.png")
    page.locator("#set-init option", has_text="painting.png").wait_for(state="attached")
    page.locator("#parts-fold > summary").click()
    page.get_by_role("button", name="A style for a part").click()
    page.get_by_label("Style: Part 1").select_option("swatch:batik")
    painted_over(page, 0.1, 0.2, 0.4, 0.8)
    photo = page.locator("#before").get_attribute("src")
    page.get_by_role("button", name="Brush: Part 1, of a part of the style").click()
    assert page.locator("#before").get_attribute("src") != photo, "it is painted on the style"
    painted_over(page, 0.5, 0.5, 0.9, 0.9)
    page.get_by_role("button", name="Finish").click()
    assert page.locator("#mask").is_hidden() and page.locator("#before").get_attribute("src") == photo
    body = asked_for(page)
    (region,) = body["regions"]
    assert region.keys() == {"mask", "style", "style_mask"} and region["style"] == "swatch:batik"
    assert body["settings"]["init"] not in (None, "", "matched") and region["mask"] != region["style_mask"]
    first = downloaded(page, tmp_path / "first.png")
    page.get_by_role("button", name="Remove: Part 1", exact=True).click()
    page.locator("#set-init").select_option("")
    button(page, "Use these settings").click()
    page.get_by_text("of a part of the style").wait_for()
    cards = page.locator(".card").count()
    assert asked_for(page) == body
    page.locator(".card").nth(cards).wait_for()
    button(page, "Stop").wait_for(state="detached", timeout=SECONDS)
    assert np.array_equal(downloaded(page, tmp_path / "again.png"), first)
    page.get_by_label("Style: Part 1").select_option("swatch:pastel")
    page.get_by_text("of the whole style").wait_for()


def test_what_a_photograph_is_of_is_found_for_the_brush(visit, files):
    page = visit()
    choose(page, files)
    page.locator("#parts-fold > summary").click()
    page.get_by_role("button", name="Brush: Keep as it is").click()
    painted = "() => document.querySelector('#mask').toDataURL()"
    before = page.evaluate(painted)
    page.get_by_role("button", name="Find subject").click()
    page.wait_for_function(f"before => ({painted})() !== before", arg=before, timeout=SECONDS)
    assert asked_for(page)["keep"]
    page.keyboard.press("Escape")


def test_a_telephone_offers_its_camera_and_everyone_a_cat(visit):
    page = visit(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    camera = page.locator("#camera")
    assert page.locator(".camera").is_visible() and camera.get_attribute("capture") == "environment"
    page.get_by_role("button", name="Try it with a cat").click()
    page.locator(".photo strong", has_text="example.jpg").wait_for()
    other = visit()
    assert other.locator(".camera").is_hidden()


def test_a_look_is_there_before_anything_is_painted(visit, files, tmp_path):
    page = visit()
    choose(page, files, "mosaic")
    page.get_by_label("Instant look").check()
    page.locator("#badge", has_text="Instant look").wait_for(timeout=SECONDS)
    first = page.locator("#after").get_attribute("src")
    began = time.monotonic()
    page.locator("#strength").press("End")
    page.wait_for_function("before => document.querySelector('#after').src !== before", arg=first)
    print(f"a look after {time.monotonic() - began:.2f} s")
    asked_for(page)
    page.locator("#badge").wait_for(state="hidden", timeout=SECONDS)
    found = downloaded(page, tmp_path / "studio.png")
    command = "transfer photo.png swatch:mosaic --preset fast --size original --iterations 12 --strength 1 -q -o"
    warm.run(["-m", "impasto", *command.split(), tmp_path / "out.png"], cwd=files, check=True)
    assert np.array_equal(found, np.asarray(Image.open(tmp_path / "out.png"))), "of the look nothing is in it"
    page.get_by_label("Instant look").uncheck()


def test_a_look_that_comes_after_the_picture_is_not_shown_in_its_place(visit, files):
    page = visit()
    choose(page, files, "mosaic")
    page.get_by_label("Instant look").check()
    page.locator("#badge", has_text="Instant look").wait_for(timeout=SECONDS)
    look = held_look(page, "End")
    paint(page)
    button(page, "Download").wait_for(timeout=SECONDS)
    let_come(page, look)
    assert button(page, "Download").is_visible() and page.locator("#badge").is_hidden()
    page.get_by_label("Instant look").uncheck()


def test_one_gesture_empties_the_queue_and_begins_anew(visit, files):
    page = visit()
    choose(page, files, "marbling", iterations=3000)
    page.locator("#paint").click()
    button(page, "Stop").wait_for(timeout=SECONDS)
    for _ in range(2):
        page.locator("#paint", has_text="Queue one more").click()
    page.locator("#clear", has_text="Empty the queue (2)").click()
    page.locator("#clear").wait_for(state="hidden")
    assert page.locator(".card .queued").count() == 0
    swatch(page, "batik").click()
    page.locator("#instead").click()
    page.locator(".card[aria-current=true]", has_text="batik").wait_for()
    page.locator("#status", has_text=re.compile(r"\d+ of 3000")).wait_for(timeout=SECONDS)
    assert page.locator(".card", has_text="marbling").locator(".stopped").count() == 1
    page.keyboard.press("Escape")
    button(page, "Go on").wait_for(timeout=SECONDS)


def test_a_refusal_is_in_the_language_of_the_page(visit, files):
    page = visit(locale="zh-CN", refusals=3)
    page.uncheck("#look")  # one would be refused too, if its time came before that of the picture
    choose(page, files, "马赛克")
    page.fill("#set-memory", "1MB")
    paint(page)
    page.locator(".toast", has_text="可用内存是 1 MB").wait_for()
    page.fill("#set-memory", "lots")
    paint(page)
    page.locator(".toast", has_text="内存上限是 'lots'；必须是大小，如 4GB、500MB 或 1.5GiB。").wait_for()
    page.set_input_files("#photo-file", {"name": "note.txt", "mimeType": "text/plain", "buffer": b"no picture"})
    page.locator(".toast", has_text="note.txt 不是 impasto 能读的图像（文本文件）").wait_for()


def test_one_button_paints_a_photograph_in_every_swatch(visit, files, tmp_path):
    page = visit()
    page.set_input_files("#first-file", files / "photo.png")
    page.locator(".photo img[src]").wait_for()
    page.select_option("#preset", "palette")
    page.get_by_role("button", name="All sixteen").click()
    page.locator("#sheet button").nth(15).wait_for()
    page.locator("#sheet button").nth(3).focus()
    page.wait_for_function("() => document.querySelectorAll('#sheet .made').length === 16", timeout=SECONDS)
    assert page.locator("#sheet button").nth(3).evaluate("made => made === document.activeElement")
    page.screenshot(path=tmp_path / "sheet.png")
    boxes = [page.locator(f"#sheet button:nth-child(6){part}").bounding_box() for part in ("", " img")]
    assert boxes[0] == boxes[1], "the picture fills its tile"
    page.locator("#sheet button", has_text="woodcut").press("Enter")
    button(page, "Download").wait_for()
    assert page.locator("#sheet").is_hidden()
    assert page.locator(".card[aria-current=true]").inner_text() == "woodcut"
