"""What shells are offered, as they ask for it; and the scripts that make them ask."""

import pytest

from impasto.choices import PADDINGS
from impasto.presets import PRESETS
from impasto.swatches import names


@pytest.fixture
def offered(impasto, monkeypatch):
    """offered(line): what bash is offered for the last word of a line, without its kinds."""

    def ask(line):
        monkeypatch.setenv("_IMPASTO_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
        code, out, err = impasto()
        assert (code, err) == (0, "")
        return [each.partition(",")[2] for each in out.splitlines() if each]

    return ask


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("impasto tran", ["transfer"]),
        ("impasto transfer a.jpg b.jpg --strenght", []),
        ("impasto transfer a.jpg b.jpg --stren", ["--strength"]),
        ("impasto transfer --preset ", list(PRESETS)),
        ("impasto presets show gatys2016", ["gatys2016", "gatys2016-code"]),
        ("impasto transfer a.jpg swatch:", [f"swatch:{name}" for name in names()]),
        ("impasto batch photos -s swatch:mos", ["swatch:mosaic"]),
        ("impasto transfer a.jpg pain", ["pain"]),  # a file's name, which the shell completes
        ("impasto swatches mos", ["mosaic"]),
        ("impasto texture --padding ", list(PADDINGS)),
        ("impasto transfer --style-layers relu1_1,relu2", ["relu1_1,relu2_1", "relu1_1,relu2_2"]),
        ("impasto nonsense a", []),
    ],
)
def test_names_are_offered_where_they_are_asked_for(offered, line, expected):
    assert offered(line) == expected


def test_powershell_is_offered_the_same(impasto, monkeypatch):
    monkeypatch.setenv("_IMPASTO_COMPLETE", "powershell_complete")
    monkeypatch.setenv("COMP_WORDS", r"impasto transfer C:\photos\a.jpg --preset tu")
    monkeypatch.setenv("COMP_WORD", "tu")
    assert impasto()[1] == "tutorial\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_each_shell_has_its_script(impasto, shell):
    code, out, _ = impasto("completion", shell)
    assert code == 0
    assert f"_IMPASTO_COMPLETE={shell}_complete" in out.replace(' = "', "=")


def test_another_shell_is_told_which_there_are(impasto):
    code, _, err = impasto("completion", "tcsh")
    assert code == 2 and "bash" in err
