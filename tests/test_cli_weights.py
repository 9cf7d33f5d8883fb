"""`impasto weights`: what it prints, where, and when it fails."""

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from impasto.cli.weights import DownloadBar, weights
from impasto.encoders import download, registry, verification
from impasto.errors import MissingFileError, UnknownNameError, WeightsError

NAME = "vgg19.keras"
SOURCE = replace(
    registry.REGISTRY[NAME], size=4, sha256=hashlib.sha256(b"good").hexdigest(), sha256_prefix=None, md5=None
)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    for variable in ("IMPASTO_CACHE", "TORCH_HOME", "KERAS_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    for module in (registry, verification):
        monkeypatch.setattr(module, "REGISTRY", {**registry.REGISTRY, NAME: SOURCE})
    folder = tmp_path / "IMPASTO_CACHE"
    folder.mkdir()
    return folder


def run(*arguments):
    return CliRunner().invoke(weights, arguments, catch_exceptions=True)


def test_list_is_plain_when_piped(cache):
    (cache / SOURCE.file_name).write_bytes(b"good")
    lines = [line.split("\t") for line in run("list").output.splitlines()]
    assert lines[0] == ["name", "architecture", "size", "licence", "cached"]
    in_package = dict.fromkeys(registry.IN_PACKAGE, "built in")
    assert {line[0]: line[4] for line in lines[1:]} == in_package | {
        name: "yes" if name == NAME else "no" for name in registry.REGISTRY
    }
    assert ["vgg19", "vgg19", "19 MB", "CC BY 4.0 (Simonyan & Zisserman, Oxford)", "built in"] in lines
    assert ["vgg19.torchvision", "vgg19", "548 MB", "BSD-3-Clause (torchvision)", "no"] in lines


def test_list_is_a_table_on_a_terminal(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    output = run("list").output
    assert "─" in output
    assert "CC BY 4.0" in output


def test_path(cache):
    assert run("path", NAME).output.strip() == str(cache / SOURCE.file_name)
    assert run("path").output.strip() == str(cache)


@pytest.mark.parametrize("name", registry.IN_PACKAGE)
def test_what_is_in_the_package_is_there_already(name):
    for command in ("path", "fetch"):
        assert Path(run(command, name).output.strip()).is_file()


def test_fetch_prints_paths_alone(monkeypatch, cache):
    asked = []

    def fetch(name, *, progress, force):
        progress(1, 2)
        asked.append((name, force))
        return cache / name

    monkeypatch.setattr(download, "fetch", fetch)
    result = run("fetch", NAME, "vgg16.torchvision", "--force")
    assert result.stdout.splitlines() == [str(cache / NAME), str(cache / "vgg16.torchvision")]
    assert asked == [(NAME, True), ("vgg16.torchvision", True)]


def test_fetch_checks_all_names_first(monkeypatch):
    monkeypatch.setattr(download, "fetch", None)
    result = run("fetch", NAME, "vgg19.kears")
    assert isinstance(result.exception, UnknownNameError)
    assert "closest is 'vgg19.keras'" in str(result.exception)


def test_verify_all_that_is_cached(cache):
    assert run("verify").output.startswith("No published weights are on this computer")
    (cache / SOURCE.file_name).write_bytes(b"good")
    result = run("verify")
    assert result.exit_code == 0
    assert result.output == f"{NAME}: ok, sha256 {SOURCE.sha256}\n"


def test_verify_reads_the_file_whatever_is_remembered(cache):
    path = cache / SOURCE.file_name
    path.write_bytes(b"baad")
    verification.remember(path, SOURCE, SOURCE.sha256)
    result = run("verify", NAME)
    assert result.exit_code == 1
    assert isinstance(result.exception, WeightsError)
    assert f"expected sha256 {SOURCE.sha256}" in str(result.exception)


def test_verify_files_and_go_on_after_a_mismatch(cache, tmp_path):
    bad, own = tmp_path / SOURCE.file_name, tmp_path / "own.pth"
    bad.write_bytes(b"baad")
    own.write_bytes(b"own")
    result = run("verify", str(bad), str(own))
    assert result.output == f"{own}: ok, sha256 {hashlib.sha256(b'own').hexdigest()}\n"
    assert isinstance(result.exception, WeightsError)


@pytest.mark.parametrize(
    ("target", "error"), [("vgg18", UnknownNameError), ("gone.pth", MissingFileError), (NAME, MissingFileError)]
)
def test_verify_what_is_not_there(target, error):
    assert isinstance(run("verify", target).exception, error)


def test_path_of_an_unknown_name():
    assert isinstance(run("path", "vgg").exception, UnknownNameError)


def test_every_command_has_help():
    for arguments in ([], ["list"], ["fetch"], ["verify"], ["path"]):
        result = run(*arguments, "--help")
        assert result.exit_code == 0
        assert "Usage" in result.output


def test_bar_on_a_terminal(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    bar = DownloadBar("vgg19.keras")
    bar(1, 4)
    bar(4, 4)
    bar.close()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "vgg19.keras" in captured.err


def test_importing_the_command_is_light():
    program = "import sys, impasto.cli.weights; print({'torch', 'httpx', 'rich'} & set(sys.modules))"
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "set()"
