"""Studios, and pictures to send to them."""

import pytest

pytest.importorskip("starlette", reason="needs the extra `studio`")
pytest.importorskip("python_multipart", reason="needs the extra `studio`")

from in_studio import Studio, png

import material


@pytest.fixture
def at_work(tmp_path):
    """A studio that works."""
    made = Studio(tmp_path / "studio")
    yield made
    made.close()


@pytest.fixture
def idle(tmp_path):
    """A studio whose queue stands still."""
    made = Studio(tmp_path / "studio", works=False)
    yield made
    made.close()


@pytest.fixture(scope="session")
def photo():
    return png(material.content(60, 80))


@pytest.fixture(scope="session")
def painting():
    return png(material.style(60, 80))
