"""What importing costs: no PyTorch, and no time, before they are needed."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

import impasto


def python(code):
    """What a fresh interpreter prints."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def seconds(code):
    began = time.perf_counter()
    python(code)
    return time.perf_counter() - began


LISTS_TORCH = "import sys; print('torch' in sys.modules, 'numpy' in sys.modules)"


@pytest.mark.parametrize(
    "code",
    [
        "import impasto",
        "import impasto; dir(impasto)",
        "import impasto; impasto.ImpastoError",
        "import impasto.errors, impasto.schedule, impasto.swatches",
        "import impasto.cli.app",
    ],
)
def test_what_needs_no_torch_does_not_import_it(code):
    assert python(f"{code}\n{LISTS_TORCH}") == "False False"


@pytest.mark.parametrize("arguments", [["--help"], ["transfer", "--help"], ["--version"], ["swatches"]], ids=str)
def test_help_does_not_import_torch(arguments):
    code = f"""
import sys, atexit
atexit.register(lambda: print('torch' in sys.modules))
from impasto.cli import main
main({arguments!r})
"""
    assert python(code).splitlines()[-1] == "False"


def test_importing_takes_less_than_a_tenth_of_a_second():
    """The median of three against a bare interpreter; twice the tenth, as the machine may be busy."""
    bare, ours = (statistics.median(seconds(code) for _ in range(3)) for code in ("pass", "import impasto"))
    assert ours - bare < 0.2


def test_the_public_surface_is_all_there():
    assert dir(impasto) == sorted(impasto.__all__)
    for name in impasto.__all__:
        assert getattr(impasto, name) is not None


def test_an_attribute_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'impasto' has no attribute 'paint'"):
        impasto.paint  # noqa: B018


def test_names_come_from_where_they_are_defined():
    from impasto.painter import stylize

    assert impasto.stylize is stylize


def test_arrows_point_down_only():
    """The layers that pyproject.toml draws are the imports there are."""
    pytest.importorskip("importlinter")
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
