"""scripts/tasks.py: what is set up when, and what is run then; nothing is installed here."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def checkout(tmp_path):
    """A checkout with nothing but what the scripts need, and no .venv."""
    for name in ("scripts", "requirements"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.fixture
def run(checkout, monkeypatch):
    """run(task, *arguments): the exit code and the commands, of which none is really run; `failing` ones fail."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)

    def go(*arguments, failing=""):
        spec = importlib.util.spec_from_file_location("tasks", checkout / "scripts" / "tasks.py")
        tasks = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(tasks)
        commands = []

        def ran(*command):
            commands.append(" ".join(map(str, command)).replace(f"{checkout}/", "").replace(sys.executable, "python"))
            if "-m venv" in commands[-1]:
                (checkout / ".venv").mkdir(exist_ok=True)
            return 3 if failing and failing in commands[-1] else 0

        monkeypatch.setattr(tasks, "ran", ran)
        monkeypatch.setattr(tasks, "works", lambda python: True)
        monkeypatch.setattr(tasks.subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0))
        try:
            return tasks.main(list(arguments)), commands
        except SystemExit as left:
            return left.code, commands

    return go


def test_the_first_time_everything_is_made_and_the_second_nothing(run):
    code, commands = run("demo", "--size", "256")
    assert code == 0
    assert commands[0] == "python -m venv .venv"
    assert commands[1].endswith("--constraint requirements/constraints.txt --editable .[demo]")
    assert commands[2:] == [".venv/bin/python examples/demo.py --size 256"]
    assert run("demo") == (0, [".venv/bin/python examples/demo.py"])


def test_modules_are_compiled_at_once_where_they_are_not_as_they_are_imported(run, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert run("demo")[1][2] == ".venv/bin/python -m compileall -qq -j 0 .venv/lib"


def test_what_is_installed_is_installed_anew_once_its_inputs_change(run, checkout):
    run("demo")
    with (checkout / "pyproject.toml").open("a") as file:
        file.write("# changed\n")
    assert "pip install" in run("demo", failing="pip install")[1][0]
    assert run("demo", failing="pip install")[0] == 1, "an installation that failed is not taken for done"
    assert "pip install" in run("demo")[1][0]
    assert len(run("demo")[1]) == 1


def test_a_folder_that_was_moved_gets_its_environment_anew(run, checkout):
    run("demo")
    (checkout / ".venv" / "made-in").write_text("/elsewhere\n")
    assert run("demo")[1][0] == "python -m venv --clear .venv"


def test_the_first_check_that_fails_ends_it_with_its_code(run, capsys):
    run("test")
    code, commands = run("test", "-k", "gram", failing="mypy")
    assert (code, [each.rpartition("/")[2] for each in commands]) == (3, ["ruff check", "ruff format --check", "mypy"])
    assert "Failed: Types (exit code 3)" in capsys.readouterr().err
    code, commands = run("test", "-k", "gram")
    assert (code, commands[-1]) == (
        0,
        f".venv/bin/pytest --numprocesses {os.cpu_count() + 1} --dist worksteal --ignore tests/browser -k gram",
    )


def test_the_page_is_tried_where_there_is_a_browser(run, monkeypatch, capsys):
    monkeypatch.setenv("BROWSER_FOR_TESTS", "/usr/bin/a-browser")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    code, commands = run("test-browser", "-x")
    tried = ".venv/bin/pytest --numprocesses 2 --dist worksteal tests/browser"
    assert code == 0 and commands[-1] == f"{tried} -x"
    assert commands[-2].endswith("--editable .[test-browser]")
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    code, commands = run("test-browser", failing="play.py")
    assert code == 0 and commands[-2:] == [".venv/bin/python scripts/play.py", tried]
    monkeypatch.delenv("BROWSER_FOR_TESTS")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert run("test-browser") == (0, []), "without one, and without a way to have one, there is nothing to do"
    assert "Skipped: there is no browser" in capsys.readouterr().err


def test_another_task_is_told_which_there_are(run, capsys):
    assert run("tset") == (2, [])
    assert "demo|test" in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("sh") is None, reason="needs a POSIX shell")
def test_without_a_recent_python_the_script_says_so(checkout):
    (checkout / "old").write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.8.1\nexit 1\n')
    (checkout / "old").chmod(0o755)
    script = ["sh", checkout / "scripts" / "test"]
    found = subprocess.run(
        script, env={"PYTHON": f"{checkout}/old", "PATH": "/bin:/usr/bin"}, capture_output=True, text=True
    )
    assert found.returncode == 1
    assert "needs Python 3.11 or later, and" in found.stderr and "is Python 3.8.1" in found.stderr
