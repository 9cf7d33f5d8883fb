"""The pages that are made of the code, and the site."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def script(name, monkeypatch):
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_pages_made_of_the_code_are_what_it_says_today(monkeypatch, capsys):
    """After a change: python scripts/pages.py"""
    pages = script("pages", monkeypatch)
    monkeypatch.setattr(sys, "argv", ["pages.py", "--check"])
    assert pages.main() == 0, capsys.readouterr().out
    (made, *_) = (line for line in pages.python() if line.startswith("## stylize"))
    assert made == "## stylize"


def test_formulas_and_links_become_what_a_browser_shows(monkeypatch):
    pytest.importorskip("latex2mathml", reason="the docs extra is not installed")
    site = script("site", monkeypatch)
    text = "Of $F^l$ and `$no$`, [a line](../src/impasto/run.py), [a page](controls.md).\n\n$$\nx^2\n$$\n"
    page = site.finished(site.page(text, ROOT / "docs"))
    assert page.count("<math") == 2
    assert "`$no$`" in page
    assert "a line, [a page](controls.md)" in page
    assert site.finished('<script src="https://elsewhere/x.js"></script><p>') == "<p>"


def test_the_site_is_whole_and_fetches_nothing():
    pytest.importorskip("zensical", reason="the docs extra is not installed")
    done = subprocess.run([sys.executable, ROOT / "scripts" / "site.py"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
