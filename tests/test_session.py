"""A session: what it tells, and that its picture is on the disk whatever ends it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from impasto import prepare
from impasto.checkpoint import Checkpoints
from impasto.engine import NotFiniteError
from impasto.errors import OutputError, UsageError
from impasto.files import alternatives, unused
from impasto.images import load_image, read_text
from impasto.record import KEYWORD
from impasto.session import Destination, Failed, Milestone, Note, Planned, Saved, Session, Stepped, Stopped
from impasto.session.keeping import Written


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An own folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(uniform):
    """run(**settings): five evaluations of a small transfer."""

    def make(**settings):
        asked = {"size": 48, "iterations": 5, "dtype": "float32", **settings}
        return prepare(uniform(1, 3, 40, 48).float(), [uniform(1, 3, 48, 40).float()], **asked)

    return make


OUT = Destination(Path("out.png"))


class Breaking:
    """A problem whose evaluation number `count` raises `error`."""

    def __init__(self, problem, count, error):
        self._problem, self._left, self._error = problem, count, error

    def __getattr__(self, name):
        return getattr(self._problem, name)

    def objective(self, level):
        self._inner = self._problem.objective(level)
        return self

    def evaluate(self, image):
        self._left -= 1
        if not self._left:
            raise self._error
        return self._inner.evaluate(image)


def breaking(run, count, error):
    return replace(run, problem=Breaking(run.problem, count, error))


def result():
    return json.loads(read_text("out.png")[KEYWORD])["result"]


def wrote(checkpoints, path):
    return path in Written(checkpoints)


def ignored(event):
    pass


# What it tells ------------------------------------------------------------------------------------------------------


def test_it_tells_what_happens_in_order(run):
    events = list(Session(run(), OUT).events())
    assert [type(event) for event in events] == [Planned, *[Stepped] * 5, Saved]
    assert [event.step.done for event in events[1:-1]] == [1, 2, 3, 4, 5]
    assert events[-1].path == Path("out.png")
    assert events[-1].step == events[-2].step.record()
    assert load_image("out.png").pixels.shape == (1, 3, 40, 48)


def test_the_milestones_of_a_preset_are_told_and_saved(run):
    tutorial = run(preset="tutorial", encoder="compact", iterations=5)
    (view,) = tutorial.plan.views
    few = replace(view.recipe, milestones=replace(view.recipe.milestones, every=2))
    plan = replace(tutorial.plan, views=(replace(view, recipe=few),))
    events = list(Session(replace(tutorial, plan=plan), OUT).events())
    assert [type(event) for event in events if not isinstance(event, Stepped)] == [Planned, *[Milestone] * 2, Saved]
    assert events[2].line.startswith("epoch 2: ")
    assert isinstance(events[3], Stepped) and events[3].step.done == 2  # told when all is saved
    assert Path("epoch4.png").exists()


def test_a_loss_that_is_far_above_its_start_is_noted(run):
    diverging = run(preset="keras-example", encoder="compact", style_weight=1e-6, iterations=7)
    outcomes = list(Session(diverging, OUT).events())
    *steps, note, saved = outcomes[1:]
    assert isinstance(note, Note) and isinstance(saved, Saved)
    times = steps[-1].step.loss / steps[0].step.loss
    assert times > 2
    assert note.text.startswith(f"The loss ended {times:.1f} times above its start: ")


# What ends it -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("from inside torch"), ZeroDivisionError(), SystemExit(3)]
)
def test_any_error_leaves_the_picture_so_far(run, error):
    outcome = Session(breaking(run(), 4, error), OUT).carry_out(ignored)
    assert outcome == Failed(error, Path("out.png"))
    assert result()["evaluations"] == 3


@pytest.mark.parametrize("error", [BrokenPipeError(), OSError(5, "Input/output error"), ValueError("drawn wrongly")])
def test_whatever_the_one_who_looks_raises_leaves_the_picture_so_far(run, error):
    def show(event):
        if isinstance(event, Stepped) and event.step.done == 2:
            raise error

    assert Session(run(), OUT).carry_out(show) == Failed(error, Path("out.png"))
    assert result()["evaluations"] == 2


def test_whoever_is_not_shown_the_end_has_the_picture(run):
    def show(event):
        if isinstance(event, Saved):
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        Session(run(), OUT).carry_out(show)
    assert result()["evaluations"] == 5


def test_the_one_who_takes_the_events_may_stop_it(run):
    events = Session(run(), OUT).events()
    for _ in range(3):
        next(events)
    stopped = events.throw(KeyboardInterrupt("Enough"))
    assert (stopped.reason, stopped.path, stopped.step["done"]) == ("Enough", Path("out.png"), 2)
    assert list(events) == []
    assert result()["evaluations"] == 2


def test_the_one_who_takes_the_events_may_turn_away(run):
    events = Session(run(), replace(OUT, checkpoint="kept")).events()
    for _ in range(3):
        next(events)
    events.close()
    assert result()["evaluations"] == 2
    kept = Checkpoints.open(Path("kept"))  # it is not locked any more
    assert kept.newest()[0].step["done"] == 2
    kept.close()


def test_what_ends_before_the_first_evaluation_leaves_nothing(run, folder):
    error = RuntimeError("at once")
    assert Session(breaking(run(), 1, error), OUT).carry_out(ignored) == Failed(error, None)
    events = Session(run(), OUT).events()
    next(events)
    assert events.throw(KeyboardInterrupt) == Stopped("Interrupted")
    assert list(folder.iterdir()) == []


def test_a_picture_on_the_way_that_cannot_be_written_is_told_and_the_run_goes_on(run, folder):
    notes = []

    def show(event):
        if isinstance(event, Stepped) and event.step.done == 2:
            Path("out-0003.png").mkdir()
        if isinstance(event, Note):
            notes.append(event.text)

    assert isinstance(Session(run(), replace(OUT, save_every=1)).carry_out(show), Saved)
    assert result()["evaluations"] == 5
    assert Path("out-0004.png").is_file()
    assert [note for note in notes if note.startswith("out-0003.png exists already.")] == notes
    assert notes[0].endswith("The run goes on without.")


def test_numbers_that_break_leave_the_best_picture_and_its_own_record(run):
    steps = []

    def show(event):
        if isinstance(event, Stepped):
            steps.append(event.step)

    diverging = run(preset="keras-example", encoder="compact", style_weight=1e-2, iterations=24)
    outcome = Session(diverging, OUT).carry_out(show)
    assert isinstance(outcome.error, NotFiniteError)
    assert result()["kept"] == "best"
    assert result()["loss"] == min(step.loss for step in steps) < steps[-1].loss


# Files --------------------------------------------------------------------------------------------------------------


def test_only_numbers_that_were_appended_count(folder):
    names = alternatives(Path("a-IMG-12.png"))
    assert [next(names).name for _ in range(3)] == ["a-IMG-12.png", "a-IMG-12-2.png", "a-IMG-12-3.png"]
    (folder / "a-IMG-12.png").touch()
    assert unused(Path("a-IMG-12.png")) == Path("a-IMG-12-2.png")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no such folders there")
@pytest.mark.parametrize("folder", ["/proc", "/sys"])
def test_where_no_files_can_be_made_is_told_before_any_work(folder):
    with pytest.raises(OutputError, match=rf"^{folder}/out\.png cannot be written: .* Choose another folder"):
        Destination(Path(folder) / "out.png").check()


def test_a_new_name_after_a_change_counts_on_from_the_first(run):
    fresh = Destination(Path("b-7.png"), fresh=True)
    for name in ("b-7.png", "b-7-2.png", "b-7-3.png"):
        with fresh.named().reserved() as destination:
            assert (destination.path, destination.base) == (Path(name), Path("b-7.png"))
            destination.path.touch()


def test_a_format_that_cannot_hold_the_size_is_told_before_any_work(run, folder, monkeypatch):
    monkeypatch.setattr("impasto.images.writing.LONGEST_SIDES", {"WEBP": 47})
    with pytest.raises(UsageError, match=r"\.webp files are at most 47 pixels wide and high; save it as \.png"):
        Session(run(), Destination(Path("out.webp")))
    assert list(folder.iterdir()) == []


def test_a_refused_run_leaves_no_folder_of_checkpoints(run):
    Path("out-0002.png").touch()
    where = replace(OUT, save_every=2, checkpoint="kept")
    with pytest.raises(UsageError, match=r"out-0002\.png exists already"):
        Session(run(), where)
    assert not Path("kept").exists()


def test_a_run_knows_the_files_that_it_wrote(run):
    where = replace(OUT, save_every=2, checkpoint="kept")
    events = Session(run(), where).events()
    for _ in range(4):
        next(events)
    events.close()
    kept = Checkpoints.open(Path("kept"))
    assert wrote(kept, Path("out.png")) and wrote(kept, Path("out-0002.png"))
    assert not wrote(kept, Path("out-0004.png"))
    Path("out-0002.png").write_bytes(b"another")
    assert not wrote(kept, Path("out-0002.png"))
    kept.close()


def test_a_file_that_was_being_written_when_the_run_was_killed_is_its_own(run):
    where = replace(OUT, checkpoint="kept")
    session = Session(run(), where)
    with session._keeper.written.adding(Path("out.png")):
        Path("out.png").write_bytes(b"half")
        session._keeper.close()
        kept = Checkpoints.open(Path("kept"))
        assert wrote(kept, Path("out.png"))
        kept.close()


def test_a_file_that_could_not_be_written_is_not_its_own(run):
    session = Session(run(), replace(OUT, checkpoint="kept"))
    with pytest.raises(UsageError), session._keeper.written.adding(Path("out.png")):
        Path("out.png").write_bytes(b"of somebody else")
        raise UsageError("out.png exists already")
    session._keeper.close()
    kept = Checkpoints.open(Path("kept"))
    assert not wrote(kept, Path("out.png"))
    kept.close()


def test_an_error_lets_go_of_what_it_holds(run):
    import gc
    import weakref

    held = []

    def show(event):
        if isinstance(event, Stepped):
            image = torch.zeros(3)
            held.append(weakref.ref(image))
            raise MemoryError

    outcome = Session(run(), OUT).carry_out(show)
    assert isinstance(outcome, Failed)
    gc.collect()
    assert held[0]() is None
