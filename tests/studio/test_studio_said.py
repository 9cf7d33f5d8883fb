# ruff: noqa: RUF001 - Chinese has its own punctuation
"""What the studio says, in Chinese: every sentence of the catalog is impasto's, and what can be refused is in it."""

import ast
import json
import re
from importlib import resources
from pathlib import Path

import pytest

import impasto
from impasto.studio.form import without_dashes

PACKAGE = Path(impasto.__file__).parent
SAID = (resources.files("impasto.studio") / "page" / "said-zh.js").read_text(encoding="utf-8")
CATALOG = [json.loads(line.strip().removesuffix(",")) for line in SAID.splitlines() if line.startswith('  ["')]
HOLE = re.compile(r"\{\w*\}")

# Files all of whose sentences a person at the page may see; and those that only a command or a program gets.
SEEN = ("regions.py", "pictures.py", "fitting.py", "preparation.py", "ranges.py", "plan.py", "studio/app.py")
SEEN += (
    "studio/asking.py",
    "studio/guard.py",
    "studio/queue.py",
    "studio/shelf.py",
    "studio/work.py",
    "studio/foreseeing.py",
)
ELSEWHERE = (
    "A {} has no content",  # of textures and reconstructions
    "A {} has one scale",
    "{} is 0, so that nothing makes a",
    "must be (width, height)",
    "both sides must be at least 1",
    "must have three entries",
    "must be numbers by their names",
    "{}.{} is {}; it must be",
    "if you trust it raise the limit",
    "is stretched to the content",  # of presets that do as their source does
    "pooling, {} padding",
)


def sentences(path):
    """The texts of a file that are sentences, or may become some, with {} for what is not known."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    bodies = [
        each.body
        for each in ast.walk(tree)
        if isinstance(each, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    skipped = {id(body[0].value) for body in bodies if body and isinstance(body[0], ast.Expr)}
    skipped |= {id(each) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for each in node.values}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield without_dashes(node.value)
        if isinstance(node, ast.JoinedStr):
            yield without_dashes(
                "".join(each.value if isinstance(each, ast.Constant) else "{}" for each in node.values)
            )


def in_chinese(text):
    """As said.js does it."""
    for english, chinese in CATALOG:
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+?)", re.escape(english))
        if found := re.fullmatch(pattern, text, re.DOTALL):
            return re.sub(r"\{(\w+)\}", lambda hole: in_chinese(found[hole[1]]) or found[hole[1]], chinese)
    parts = re.split(r"(?<=[.!?:]) (?=[A-Z`])", text)
    told = [in_chinese(part) for part in parts] if len(parts) > 1 else []
    return "".join(new or f"{old} " for new, old in zip(told, parts, strict=True)) if any(told) else None


def test_every_sentence_is_one_of_impastos():
    everything = "\n".join(sentence for path in PACKAGE.rglob("*.py") for sentence in sentences(path))
    everything += everything.replace(" ({})", "")  # what a decoder said is left out
    for english, chinese in CATALOG:
        pieces = [piece.strip(" .;:,()") for piece in HOLE.split(english)]
        assert [piece for piece in pieces if piece not in everything] == [], english
        assert set(HOLE.findall(chinese)) <= set(HOLE.findall(english)), chinese


@pytest.mark.parametrize("name", SEEN)
def test_what_can_be_refused_is_there(name):
    told = {each for each in sentences(PACKAGE / name) if each.endswith(".") and " " in each}
    told = {each for each in told if each[:1].isalpha() or each[:1] == "{"}
    told = {each for each in told if not each.startswith(("it must be ", "it goes "))}  # which are the ends of others
    assert told or name == "studio/work.py"
    missing = [each for each in told if not any(known in each for known in ELSEWHERE)]
    assert [each for each in missing if not in_chinese(each.replace("{}", "x7"))] == []


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("The mask keep.png is 200x60 pixels, but the photograph is 80x60. Make it as large, or of the same shape.",
         "蒙版 keep.png 是 200x60 像素，而照片是 80x60。请让它一样大，或同样的形状。"),
        ("style_weights has 2 entries but there is 1 style image; give one for each.",
         "style_weights有2 项，而风格有 1 种；请给每一种一项。"),
        ("Unknown encoder 'vgg'; the closest is 'vgg19'. Encoders: compact, vgg19.",
         "没有 'vgg'；最接近的是 'vgg19'。可选：compact, vgg19。"),
        ("photo.gif: animation: only the first frame is used", "photo.gif：动画：只用第一帧"),
        ("Something that nobody has translated.", None),
    ],
)  # fmt: skip
def test_sentences_are_put_together(english, chinese):
    assert in_chinese(english) == chinese
