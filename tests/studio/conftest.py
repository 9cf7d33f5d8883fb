"""Studios, and pictures to send to them.  Without the extra `studio` the tests are skipped, for which see in_studio."""

import pytest

import material


@pytest.fixture
def at_work(tmp_path):
    """A studio that works."""
    from in_studio import Studio

    made = Studio(tmp_path / "studio")
    yield made
    made.close()


@pytest.fixture
def idle(tmp_path):
    """A studio whose queue stands still."""
    from in_studio import Studio

    made = Studio(tmp_path / "studio", works=False)
    yield made
    made.close()


@pytest.fixture(scope="module")
def refusing(tmp_path_factory):
    """An idle studio for those tests of a file in which it refuses to begin anything."""
    from in_studio import Studio

    made = Studio(tmp_path_factory.mktemp("refusing"), works=False)
    yield made
    made.close()


@pytest.fixture(scope="session")
def photo():
    from in_studio import png

    return png(material.content(60, 80))


@pytest.fixture(scope="session")
def painting():
    from in_studio import png

    return png(material.style(60, 80))
