"""The record of how a picture was made: it comes back as it was, and nothing but a record comes of what is read."""

import copy
import json
import math
import random
from dataclasses import replace
from pathlib import Path, PureWindowsPath

import pytest
import torch

from impasto.errors import MissingFileError, UsageError
from impasto.images import save_image
from impasto.record import (
    FORMAT,
    KEYWORD,
    EncoderUsed,
    Input,
    Made,
    Plan,
    PlannedLevel,
    Record,
    Result,
    printable,
    read_record,
    safe_name,
)

RESULT = Result(25, 30, 0.25, {"content/relu4_2": 0.125, "style/relu1_1": 0.125, "tv": None}, "d" * 64, "best")
RECORD = Record(
    "transfer",
    {
        "size": 256,
        "strength": 0.5,
        "style_weights": [1.0, 2],
        "init": None,
        "masks": {"a.png": {"b": True}},
        "device": "auto",
    },
    (Input("content", "photo.png", sha256="a" * 64), Input("style", "swatch:mosaic", pixels="b" * 64)),
    (EncoderUsed("compact", "c" * 64),),
    Plan((PlannedLevel(128, 96, 18, None), PlannedLevel(256, 192, 12, 512)), 10),
    Made("0.9", "2.6", "cpu", "float32", 2, 3),
    RESULT,
)

# As impasto 0.x wrote them
FIRST = {
    "format": 1,
    "task": "transfer",
    "settings": {"size": 256, "weights": None, "style_weights": [1.0, 2.0]},
    "inputs": [
        {"role": "content", "name": "photo.png", "sha256": "a" * 64},
        {"role": "style", "name": "", "pixels": "b" * 64},
    ],
    "encoder": {"name": "compact", "sha256": "c" * 64},
    "plan": {"levels": [[56, 48, 3, None]], "history": 10},
    "made": {"impasto": "0.8", "torch": "2.6", "device": "cpu", "dtype": "float32", "threads": 2},
    "result": {"evaluations": 3, "of": 3, "loss": 0.5, "terms": {"tv": 0.5}, "pixels": "d" * 64},
}


def changed(record, path, value):
    """A copy of the JSON of `record`, with `value` at a path such as made.threads; `...` removes it."""
    whole = copy.deepcopy(record if isinstance(record, dict) else record.to_json())
    *way, last = (int(part) if part.isdigit() else part for part in path.split("."))
    place = whole
    for part in way:
        place = place[part]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return whole


# There and back -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "record",
    [
        RECORD,
        replace(RECORD, result=None),
        replace(RECORD, inputs=(), settings={}),
        replace(RECORD, start=replace(RECORD, task="texture", start=RECORD)),
        replace(RECORD, encoders=(EncoderUsed("my own", ""), EncoderUsed("compact", "c" * 64))),
    ],
)
def test_a_record_comes_back_as_it_was(record):
    assert Record.from_json(record.to_json()) == record
    assert Record.from_text(record.to_text()) == record
    assert json.loads(record.to_text()) == record.to_json()


def test_the_shape_in_a_file():
    plain = RECORD.to_json()
    assert list(plain) == ["format", "task", "settings", "inputs", "encoders", "plan", "made", "result"]
    assert plain["format"] == FORMAT == 2
    assert plain["inputs"][0] == {"role": "content", "name": "photo.png", "sha256": "a" * 64}
    assert plain["plan"] == {"levels": [[128, 96, 18, None], [256, 192, 12, 512]], "history": 10}
    assert plain["made"]["processes"] == 3
    assert plain["result"]["kept"] == "best"
    assert "result" not in replace(RECORD, result=None).to_json()


def test_writing_gives_away_nothing_of_the_record_itself():
    plain = RECORD.to_json()
    plain["made"]["threads"] = plain["encoders"][0]["name"] = plain["result"]["terms"]["tv"] = 7
    assert (RECORD.made.threads, RECORD.encoders[0].name, RECORD.result.terms["tv"]) == (2, "compact", None)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_written_as_null(number):
    diverged = replace(RECORD, result=replace(RESULT, loss=number, terms={"tv": number, "content": 1.0}))
    back = Record.from_text(replace(diverged, settings={"scales": (1.0, number)}).to_text())
    assert (back.result.loss, back.result.terms) == (None, {"tv": None, "content": 1.0})
    assert back.settings == {"scales": [1.0, None]}


def test_records_of_the_first_format_are_read():
    record = Record.from_json(FIRST)
    assert (record.format, record.made.processes, record.result.kept) == (1, 1, "last")
    assert record.plan.levels[0].width == 56
    assert record.settings == FIRST["settings"]
    nested = Record.from_json({**FIRST, "start": FIRST})
    assert nested.start == record
    mixed = replace(RECORD, start=record)
    assert Record.from_text(mixed.to_text()) == mixed


@pytest.mark.parametrize("path", ["made.processes", "result.kept"])
def test_what_only_the_first_format_lacks(path):
    with pytest.raises(UsageError, match=f"{path} is missing"):
        Record.from_json(changed(RECORD, path, ...))


# In files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("extension", ["png", "jpg", "webp", "tiff"])
def test_it_travels_in_a_picture(tmp_path, extension):
    file = tmp_path / f"a.{extension}"
    odd = replace(RECORD, inputs=(Input("content", "Gr\u00fc\u00dfe\n\x1b[31m\udcff.png", sha256="a" * 64),))
    save_image(torch.zeros(1, 3, 8, 8), file, text={KEYWORD: odd.to_text()})
    assert read_record(file) == read_record(str(file)) == read_record(file.read_bytes()) == odd


def test_a_picture_that_does_not_say_how_it_was_made(tmp_path):
    save_image(torch.zeros(1, 3, 8, 8), tmp_path / "a.png")
    with pytest.raises(UsageError, match=r"a\.png does not say how it was made: .*--no-metadata"):
        read_record(tmp_path / "a.png")
    with pytest.raises(UsageError, match="The image does not say"):
        read_record((tmp_path / "a.png").read_bytes())
    with pytest.raises(MissingFileError):
        read_record(tmp_path / "b.png")


# Hostile records ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "null", '"text"', "{}", '{"task": "transfer"}', "[" * 100_000])
def test_what_is_no_record(text):
    with pytest.raises(UsageError, match="Use a file as impasto wrote it"):
        Record.from_text(text)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("format", 99, "format 99; this impasto reads up to 2"),
        ("format", 0, "format is 0"),
        ("format", True, "format is True"),
        ("task", 3, "task is 3; it must be a text"),
        ("task", "x" * 4097, "at most 4,096 characters"),
        ("made.threads", 0, r"made\.threads is 0; it must be a whole number from 1 to 1,024"),
        ("made.threads", 1025, "1025"),
        ("made.threads", 2.0, r"2\.0"),
        ("made.threads", True, "True"),
        ("made.processes", 10**9, "1000000000"),
        ("made.device", ["cpu"], r"made\.device is \['cpu'\]"),
        ("plan.levels", [], "a list of at least 1"),
        ("plan.levels", [[8, 8, 1, None]] * 65, "a list of at most 64"),
        ("plan.levels.0", [8, 8, 1], "width, height, evaluations and tile"),
        ("plan.levels.0.0", 0, r"plan\.levels\[0\]\[0\] is 0"),
        ("plan.levels.0.1", 1_000_001, "from 1 to 1,000,000"),
        ("plan.levels.0.2", 10_000_001, "from 1 to 10,000,000"),
        ("plan.levels.1.3", 0, "is 0"),
        ("plan.history", -1, "is -1"),
        ("inputs", [{"role": "style", "name": "", "pixels": "b" * 64}] * 257, "a list of at most 256"),
        ("inputs.0.sha256", "A" * 64, "64 hexadecimal digits"),
        ("inputs.0.sha256", ..., "known by its sha256 or by that of its pixels"),
        ("inputs.0.pixels", "b" * 64, "known by its sha256 or by that of its pixels"),
        ("encoders.0.sha256", None, r"encoders\[0\]\.sha256 is missing"),
        ("encoders.0", "compact", "an object with fields"),
        ("result.loss", math.nan, r"result\.loss is nan; it must be a finite number"),
        ("result.terms.tv", math.inf, "finite"),
        ("result.terms.tv", 10**400, "finite"),
        ("result.terms.tv", "0", "finite"),
        ("result.kept", "first", "last or best"),
        ("result.evaluations", -1, "is -1"),
        ("settings", [], "an object of at most"),
        ("settings.size", math.nan, r"settings\.size is nan"),
        ("settings.size", 2**65, "whole number"),
        ("settings.size", "x" * 4097, "text"),
        ("start", 3, r"start is 3"),
        ("start", {}, r"start\.format is missing"),
    ],
)
def test_what_is_absurd_is_refused_with_its_place_and_the_rule(path, value, words):
    with pytest.raises(UsageError, match=words):
        Record.from_json(changed(RECORD, path, value))


def test_numbers_that_are_not_finite_are_refused_however_they_are_written():
    text = RECORD.to_text()
    for number in ("NaN", "Infinity", "-Infinity", "1e999"):
        assert '"loss": 0.25' in text
        with pytest.raises(UsageError, match="finite"):
            Record.from_text(text.replace('"loss": 0.25', f'"loss": {number}'))


def nested(depth):
    value = "bottom"
    for _ in range(depth):
        value = [value]
    return value


def test_what_is_nested_without_end():
    assert Record.from_json(changed(RECORD, "settings.size", nested(16))).settings["size"] == nested(16)
    for depth in (17, 900):
        with pytest.raises(UsageError, match="at most 16 deep"):
            Record.from_json(changed(RECORD, "settings.size", nested(depth)))


def started(times):
    record = RECORD
    for _ in range(times):
        record = replace(RECORD, start=record)
    return record


def test_runs_that_went_on_from_each_other():
    hundred = started(99)
    assert Record.from_text(hundred.to_text()) == hundred
    with pytest.raises(UsageError, match="100 runs at most"):
        Record.from_json(started(100).to_json())
    deep = '{"start": ' * 900 + "{}" + "}" * 900
    with pytest.raises(UsageError):
        Record.from_text(deep)


def test_a_text_beyond_a_million_characters_is_not_looked_into():
    settings = {f"s{number}": "x" * 4000 for number in range(260)}
    with pytest.raises(UsageError, match="at most 1,000,000 are read"):
        Record.from_text(replace(RECORD, settings=settings).to_text())


HOSTILE_NUMBERS = [True, 0, -1, 1, 2**63, 10**30, 10**400, 0.5, math.nan, math.inf]
HOSTILE_TEXTS = ["", "x", "x" * 5000, "\x1b[2J\x07", "\u202egnp", "\ud800", "../../etc/passwd"]
HOSTILE_TREES = [None, [], [[]], [None] * 100, {}, {"": {}}, {"x" * 5000: 1}, {"\x1b": "\x00"}, nested(40)]
HOSTILE = [*HOSTILE_NUMBERS, *HOSTILE_TEXTS, *HOSTILE_TREES]


def paths(value, path=""):
    """All places in a JSON value."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in items:
        yield from paths(each, f"{path}.{name}".lstrip("."))


def outcome(value):
    """The record that comes of `value`, or the error; of anything else a failure."""
    try:
        record = Record.from_json(value)
    except UsageError as error:
        assert str(error) == printable(str(error))
        assert len(str(error)) < 600
        return error
    assert Record.from_text(record.to_text()) == record
    return record


WHOLE = replace(RECORD, settings={"size": 1, "scales": [1, {"a": None}]}, start=replace(RECORD, settings={})).to_json()


@pytest.mark.parametrize("base", [WHOLE, FIRST], ids=["format 2", "format 1"])
def test_every_place_with_every_hostile_value_gives_a_record_or_a_usage_error(base):
    outcomes = []
    for path in paths(base):
        if "a.png" not in path:
            outcomes += [outcome(changed(base, path, value)) for value in [..., *HOSTILE]]
    refused = sum(isinstance(each, UsageError) for each in outcomes)
    assert len(outcomes) > 700
    assert refused > len(outcomes) // 2


def test_random_mutations_of_the_text_give_a_record_or_a_usage_error():
    chance, text = random.Random(0), replace(RECORD, start=RECORD).to_text()
    for _ in range(1500):
        characters = list(text)
        for _ in range(chance.randint(1, 3)):
            place = chance.randrange(len(characters))
            characters[place] = chance.choice(
                ['"', "{", "}", "[", "]", ",", ":", "9", "-", "e", "\\", "\x00", "\u2028", ""]
            )
        try:
            record = Record.from_text("".join(characters))
        except UsageError as error:
            assert str(error) == printable(str(error))
        else:
            assert Record.from_text(record.to_text()) == record


# Names and text -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("photo.png", "photo.png"),
        ("holiday/photo.png", "holiday/photo.png"),
        ("holiday\\photo.png", "holiday\\photo.png"),
        ("./photo.png", "./photo.png"),
        ("Gr\u00fc\u00dfe \u65e5\u672c.png", "Gr\u00fc\u00dfe \u65e5\u672c.png"),
        ("12:30.png", "12:30.png"),
        ("/etc/passwd", "passwd"),
        ("//server/share/a.png", "a.png"),
        ("\\\\server\\share\\a.png", "a.png"),
        ("C:\\Users\\a.png", "a.png"),
        ("c:a.png", "a.png"),
        ("C:", None),
        ("../../a.png", "a.png"),
        ("a/../../b.png", "b.png"),
        ("a\\..\\..\\b.png", "b.png"),
        ("a/.. /b.png", "b.png"),
        ("a/..", None),
        ("..", None),
        (".", None),
        ("...", None),
        ("/", None),
        ("", None),
        ("a\x00.png", None),
        ("a\n.png", None),
        ("\x1b[2J/a.png", "a.png"),
        ("a/" + "n" * 256, None),
        ("\ud800.png", None),
    ],
)
def test_names_under_which_a_file_may_be_looked_for(name, safe):
    assert safe_name(name) == safe


def test_no_name_leaves_its_folder(tmp_path):
    chance = random.Random(1)
    parts = ["..", ".", "/", "\\", "a", "b.png", "C:", " ", "\x00", "~", "...", "\n"]
    for _ in range(5000):
        safe = safe_name("".join(chance.choices(parts, k=chance.randint(1, 7))))
        if safe is not None:
            assert (tmp_path / safe).resolve().is_relative_to(tmp_path.resolve())
            windows = PureWindowsPath(safe)
            assert not windows.anchor and ".." not in windows.parts
            assert not Path(safe).is_absolute() and safe.isprintable()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("photo.png", "photo.png"),
        ("Gr\u00fc\u00dfe \u65e5\u672c \U0001f3a8", "Gr\u00fc\u00dfe \u65e5\u672c \U0001f3a8"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("a\nb\tc\x7f\x9b", "a\\x0ab\\x09c\\x7f\\x9b"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\u2066\u2028\ud800\U000e0041", "\\u2066\\u2028\\ud800\\U000e0041"),
    ],
)
def test_text_for_a_terminal(text, shown):
    assert printable(text) == shown
    assert printable(shown) == shown
    shown.encode()
