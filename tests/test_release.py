"""What a release says of itself agrees: versions, licenses, Pythons, extras, and the actions that publish it."""

import importlib.util
import re
import sys
import tomllib
from pathlib import Path

import pytest

import impasto

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WORKFLOW = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
FOR_DEVELOPERS = {"docs", "play", "release", "test", "test-browser"}


def script(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_version_is_the_same_everywhere():
    newest, date = re.search(
        r"^## \[(\d\S*)\] - (\S+)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE
    ).groups()
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    nodes = tomllib.loads((ROOT / "integrations" / "comfyui" / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {newest, nodes["version"], re.search(r"^version: (\S+)$", citation, re.MULTILINE)[1]} == {
        impasto.__version__
    }
    assert f'date-released: "{date}"' in citation


def test_licenses_are_what_the_installed_packages_say(monkeypatch, capsys):
    """After a change of dependencies: python scripts/licenses.py"""
    pytest.importorskip("packaging", reason="needs packaging")
    licenses = script("licenses")
    monkeypatch.setattr(sys, "argv", ["licenses.py", "--check"])
    assert licenses.main() == 0, capsys.readouterr().out
    page = licenses.PAGE.read_text(encoding="utf-8")
    for name in ("torch", "pyvips-binary", "av", "starlette"):
        assert f"| {name} | " in page
    monkeypatch.setattr(licenses, "license_of", lambda package: "another")
    assert licenses.main() == 1
    assert "numpy is under another; the page says BSD" in capsys.readouterr().out


def test_every_extra_for_users_is_tried_alone_and_has_its_licenses():
    users = {*PROJECT["optional-dependencies"]} - FOR_DEVELOPERS
    assert {*script("trial").TRIALS} - {"impasto"} == users
    assert {*script("licenses").EXTRAS} == users


def test_the_wheel_is_tried_on_every_python_that_it_is_said_to_be_for():
    said = {found for each in PROJECT["classifiers"] for found in re.findall(r"Python :: (3\.\d+)$", each)}
    tried = re.search(r"python: \[(.+)\]", WORKFLOW)[1].replace('"', "").split(", ")
    assert said == {*tried} == {"3.11", *script("trial").PYODIDE}
    assert PROJECT["requires-python"] == f">={min(said, key=lambda each: int(each[2:]))}"


def test_actions_are_pinned_by_commit_and_only_publishing_may_have_an_identity():
    actions = re.findall(r"uses: (\S+)( # v[\d.]+)?", WORKFLOW)
    assert len(actions) == 7 and all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", name) and tag for name, tag in actions)
    before, publish = WORKFLOW.split("  publish:")
    assert "id-token: write" in publish and "write" not in before
    assert "secrets." not in WORKFLOW and "password" not in WORKFLOW


def test_a_runtime_for_browsers_that_is_not_the_published_one_is_refused(tmp_path, monkeypatch):
    pytest.importorskip("skimage", reason="needs the extra `demo`")
    monkeypatch.syspath_prepend(ROOT / "scripts")
    play = script("play")
    monkeypatch.setattr(play, "ROOT", tmp_path)
    kept = tmp_path / "build" / f"onnxruntime-web-{play.VERSION}.tgz"
    kept.parent.mkdir()
    kept.write_bytes(b"another")
    with pytest.raises(SystemExit, match="is not the file that was published; it was removed"):
        play.package()
    assert not kept.exists()
    monkeypatch.setattr(play.shutil, "which", lambda name: None)
    with pytest.raises(SystemExit, match="needs npm"):
        play.package()
