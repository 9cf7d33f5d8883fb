"""The documentation says what is so: links lead somewhere, code runs, commands parse, quoted lines are in the code."""

import ast
import importlib.util
import json
import os
import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

import films
import warm
from impasto.cli.app import app, run
from impasto.presets import preset

ROOT = Path(__file__).parents[1]
FOLDERS = ("docs", "benchmarks", "training", "integrations")
PAGES = sorted(
    page for page in (*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md")))
)
LESSONS = [ROOT / "docs" / "how-it-works.md", ROOT / "docs" / "zh" / "how-it-works.md"]
CONTROLS = [ROOT / "docs" / "controls.md", ROOT / "docs" / "zh" / "controls.md"]
CLIPS = [ROOT / "docs" / "video.md", ROOT / "docs" / "zh" / "video.md"]
STARTS = [ROOT / "docs" / "index.md", ROOT / "docs" / "zh" / "index.md"]
READMES = [ROOT / "README.md", ROOT / "docs" / "zh" / "README.md"]
GUIDES = [ROOT / "docs" / "guide.md", ROOT / "docs" / "zh" / "guide.md"]
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
QUOTE = re.compile(r"^ *> .*\[`([\w.]+)`\]\(([^)]+\.py)\).*`(.+)`$", re.MULTILINE)
NAMED = re.compile(r"\[`([\w.]+)`\]\(([^)]+\.py)\)")
PATHS = re.compile(r"`((?:src|docs|examples|tests|benchmarks|training|scripts)/[\w./-]+)`")
BLOCK_MATH = re.compile(r"^\$\$\n(.+?)^\$\$$", re.DOTALL | re.MULTILINE)


def names(pages):
    return pytest.mark.parametrize("page", pages, ids=[str(page.relative_to(ROOT)) for page in pages])


def text(page):
    return page.read_text(encoding="utf-8")


def prose(page):
    return FENCE.sub("", text(page))


def blocks(page, language):
    return [code for _, tag, code in FENCE.findall(text(page)) if tag == language]


def anchors(page):
    """What GitHub makes of the headings."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]


def source(file, name):
    """The source of a function, method or class; None if the file has none of that name."""
    code = file.read_text(encoding="utf-8")
    node = ast.parse(code)
    for part in name.split("."):
        found = [child for child in ast.iter_child_nodes(node) if getattr(child, "name", None) == part]
        if not found:
            return None
        node = found[0]
    return ast.get_source_segment(code, node)


def commands(page):
    """Every command line of impasto's, continued lines joined, without comments."""
    lines = "".join(blocks(page, "sh")).replace("\\\n", " ").splitlines()
    words = [shlex.split(line, comments=True) for line in lines]
    return [line[1:] for line in words if line[:1] == ["impasto"]]


def command_of(arguments):
    """The command that the first words name, and the words that are left for it."""
    command, left = app, list(arguments)
    while left and left[0] in getattr(command, "commands", {}):
        command = command.commands[left.pop(0)]
    return command, left


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder with the pictures that the documentation speaks of, as the working directory."""
    for i, name in enumerate(("photo.jpg", "painting.jpg", "a.jpg", "b.jpg")):
        view = (-2 + 0.3 * i, -1.2, 1 - 0.3 * i, 1.2)
        Image.effect_mandelbrot((96, 64), view, 60).convert("RGB").save(tmp_path / name)
    shutil.copy(tmp_path / "b.jpg", tmp_path / "other.jpg")
    shutil.copy(tmp_path / "a.jpg", tmp_path / "panorama.jpg")
    for i, name in enumerate(("sky", "ground", "face", "part")):
        mask = Image.new("L", (96, 64))
        mask.paste(255, (20 * i, 0, 20 * i + 30, 60))
        mask.save(tmp_path / f"{name}.png")
    if importlib.util.find_spec("av"):
        films.write(tmp_path / "clip.mp4", films.pan(3, 64, 96), times=[0, 60, 120])
    (tmp_path / "masks").mkdir()
    for i in range(3):
        shutil.copy(tmp_path / "face.png", tmp_path / "masks" / f"{i + 1:04}.png")
    (tmp_path / "photos").mkdir()
    shutil.copy(tmp_path / "a.jpg", tmp_path / "photos")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@names(PAGES)
def test_links_lead_somewhere(page):
    for _, target in LINK.findall(prose(page)):
        if re.match(r"https?://|mailto:", target):
            continue
        path, _, anchor = target.partition("#")
        goal = (page.parent / path) if path else page
        assert goal.exists(), target
        assert not anchor or anchor in anchors(goal), target


@names(PAGES)
def test_files_named_in_the_text_exist(page):
    for path in PATHS.findall(prose(page)):
        assert (ROOT / path).exists(), path


@names(PAGES)
def test_names_that_link_to_code_are_there(page):
    for name, target in NAMED.findall(prose(page)):
        file = (page.parent / target).resolve()
        assert name == file.name or source(file, name), f"{name} in {target}"


@names(LESSONS)
def test_quoted_lines_are_lines_of_the_functions_they_are_said_to_be_of(page):
    quotes = QUOTE.findall(text(page))
    assert len(quotes) >= 15
    for name, target, line in quotes:
        lines = (source((page.parent / target).resolve(), name) or "").splitlines()
        assert line in [each.strip() for each in lines], f"{name}: {line}"


def test_both_lessons_say_the_same_in_formulas_code_and_pictures():
    def bare(page):
        """The code without its comments, and without the words that it prints."""
        code = ast.parse("\n".join(blocks(page, "python")))
        printed = [call for call in ast.walk(code) if getattr(getattr(call, "func", None), "id", None) == "print"]
        for word in (part for call in printed for part in ast.walk(call) if isinstance(part, ast.Constant)):
            word.value = "" if isinstance(word.value, str) else word.value
        return ast.dump(code)

    english, chinese = LESSONS
    assert bare(english) == bare(chinese)
    assert blocks(english, "sh") == blocks(chinese, "sh")
    assert blocks(english, "math") == blocks(chinese, "math")
    assert BLOCK_MATH.findall(text(english)) == BLOCK_MATH.findall(text(chinese))
    assert [quote[::2] for quote in QUOTE.findall(text(english))] == [q[::2] for q in QUOTE.findall(text(chinese))]


@names(PAGES)
def test_formulas_stand_where_github_renders_them(page):
    """It wants `$$` on lines of their own, and around `$` white space before and no letter or digit after."""
    parts = prose(page).split("$$")
    assert len(parts) % 2 == 1
    assert all(part.startswith("\n") and part.endswith("\n") for part in parts[1::2])
    for part in parts[::2]:
        for paragraph in re.sub(r"`[^`\n]*`", "``", part).split("\n\n"):
            marks = [match.start() for match in re.finditer(r"\$", paragraph)]
            assert len(marks) % 2 == 0, paragraph
            for begin, end in zip(marks[::2], marks[1::2], strict=True):
                assert begin == 0 or paragraph[begin - 1].isspace(), paragraph[begin - 10 : end]
                assert not paragraph[end + 1 : end + 2].isalnum(), paragraph[begin : end + 10]
                assert not paragraph[begin + 1].isspace() and not paragraph[end - 1].isspace()


STRICT = "import warnings; warnings.simplefilter('error')\n"


def test_the_lesson_runs(desk):
    """Its last pictures after fewer steps; the other language has the same code."""
    code = "\n".join(blocks(LESSONS[0], "python")).replace("steps = 0.01, 1.0, 20", "steps = 0.01, 1.0, 5")
    code = code.replace("size=192, iterations=60", "size=96, iterations=10")
    warm.run(["-c", STRICT + code], check=True, env={**os.environ, "PYTHONUTF8": "1"})
    for name in ("lesson.png", "painted.png"):
        with Image.open(desk / name) as picture:
            assert len(picture.convert("RGB").getcolors(1 << 16)) > 1000


def test_the_readme_and_the_guide_run(desk):
    code = "\n".join(code for page in (READMES[0], GUIDES[0]) for code in blocks(page, "python"))
    shorter = re.sub(r"size=\d+", "size=64, iterations=2", code)
    shorter = shorter.replace("iterations=100", "iterations=2, size=64")
    warm.run(["-c", STRICT + shorter], check=True)
    assert (desk / "out.png").exists()


@pytest.mark.parametrize("pages", [READMES, GUIDES], ids=["README", "guide"])
def test_both_languages_show_the_same_python(pages):
    assert blocks(pages[0], "python") == blocks(pages[1], "python")


@pytest.mark.parametrize("pages", [READMES, STARTS], ids=["README", "start"])
def test_both_languages_have_the_same_commands_and_none_writes_what_is_there(pages):
    """Whoever types them in order is never told that a file exists already."""
    english, chinese = (
        [shlex.split(line, comments=True) for line in "".join(blocks(page, "sh")).splitlines()] for page in pages
    )
    assert [line for line in english if line] == [line for line in chinese if line]
    written = [line[line.index("-o") + 1] for line in english if "-o" in line]
    assert len(written) == len({*written}) >= 4


def test_the_page_on_clips_runs(desk):
    pytest.importorskip("av", reason="needs the extra `video`")
    assert blocks(CLIPS[0], "python") == blocks(CLIPS[1], "python")
    code = "\n".join(blocks(CLIPS[0], "python")).replace("size=96", "size=96, iterations=6, frame_iterations=2")
    done = warm.run(["-c", STRICT + code], check=True, capture_output=True, text=True)
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [["1", "3"], ["2", "3"], ["3", "3"]]
    assert (desk / "painted.mp4").stat().st_size > 1000


@names([page for page in PAGES if commands(page)])
def test_commands_parse(page):
    for arguments in commands(page):
        command, left = command_of(arguments)
        command.make_context(" ".join(arguments), left).close()


def without(option, arguments):
    """Pictures of the sizes that pages show take too long to plan; and where they go is told elsewhere."""
    at = arguments.index(option) if option in arguments else len(arguments)
    return *arguments[:at], *arguments[at + 2 :]


def test_commands_plan_what_they_would_do(desk, capsys, untimed):
    """Small, with the built-in encoder in place of one that is not there; what takes no `--dry-run` is left out.

    So are those that are carried out below.
    """
    pages = [page for page in PAGES if page not in CONTROLS]
    shown = {without("--size", without("-o", words)) for page in pages for words in commands(page)}
    for arguments in sorted(shown):
        if arguments[0] == "video" and not importlib.util.find_spec("av"):
            continue
        options = {name for parameter in command_of(arguments)[0].params for name in parameter.opts}
        if {"--dry-run", "--encoder"} <= options:
            ending = ["-o", "result"] if arguments[0] in ("batch", "video") else ["-o", "result.png"]
            status = run([*arguments, *ending, "--encoder", "compact", "--size", "96", "--dry-run"])
            assert status == 0, f"{shlex.join(arguments)}: {capsys.readouterr().err}"


@names(PAGES)
def test_commands_named_in_the_text_exist(page):
    for line in re.findall(r"`impasto ([^`]+)`", prose(page)):
        words = line.split()
        command, left = command_of(words)
        assert command is not app or words[0].startswith("-"), line
        if hasattr(command, "commands"):
            assert not left or left[0].startswith(("-", "[")) or not left[0].islower(), line


def test_every_command_of_the_page_on_controls_makes_its_picture(desk):
    assert blocks(CONTROLS[0], "sh") == blocks(CONTROLS[1], "sh")
    found = commands(CONTROLS[0])
    for words in found:
        quick = [] if {"palette", "--instant"} & {*words} else ["--preset", "fast", "--iterations", "2"]
        assert run([*words, *quick, "--size", "96", "-q"]) == 0, words
        assert Path(words[words.index("-o") + 1]).stat().st_size > 0
        Path(words[words.index("-o") + 1]).unlink()
    assert len(found) == 18


def test_the_pictures_of_the_lesson_can_be_made_again(desk):
    script = ROOT / "examples" / "how_it_works.py"
    options = ["--photo", "photo.jpg", "--size", "64", "--iterations", "8"]
    warm.run([script, "pictures", *options], check=True)
    shown = {Path(target).name for _, target in LINK.findall(prose(LESSONS[0])) if "how-it-works/" in target}
    assert {file.name for file in (desk / "pictures").iterdir()} == shown


def test_the_pictures_are_what_the_recipes_make_today(monkeypatch):
    """After a change to settings, weights or arithmetic: look, then `benchmarks/committed.py --make` those it names."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    committed = importlib.import_module("committed")
    assert committed.stale() == {}
    shown = {str(p.relative_to(ROOT / "docs")) for p in (ROOT / "docs").rglob("*") if p.suffix in (".jpg", ".png")}
    assert shown == set(committed.PICTURES)
    known = json.loads(committed.LIST.read_text(encoding="utf-8"))["demo.jpg"]["recipes"]["default"]
    changed = replace(preset("default"), style_weight=7.5)
    assert not committed.near(known, committed.yardstick(changed))
