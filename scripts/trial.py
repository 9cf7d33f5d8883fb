"""Tries the wheel in dist/ as people will have it: from an empty folder, with each extra alone, and on other Pythons.

    python scripts/trial.py [extra ...]    # each in a fresh environment; "impasto" is the wheel without any
    python scripts/trial.py pythons        # CPython 3.12 to 3.14 as WebAssembly, from npm: all that needs no PyTorch

`python scripts/tasks.py release` makes the wheel. What is installed with it has the releases of
requirements/constraints.txt. Environments are removed once tried.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS, ENDING = ("Scripts", ".exe") if os.name == "nt" else ("bin", "")
CONSTRAINTS = ROOT / "requirements" / "constraints.txt"
INSTALL = ("pip", "install", "--quiet", "--quiet", "--disable-pip-version-check")
FIRST = "transfer swatch:cubism swatch:mosaic --size 128 -o out.png"
LEAF = "from PIL import Image; Image.open('out.png').save"
SERVED = """
import re, subprocess, urllib.request
with subprocess.Popen(["impasto", "studio", "--port", "0"], stdout=subprocess.PIPE, text=True) as studio:
    address = re.search(r"http://[^#\\s]+", studio.stdout.readline())[0]
    assert b"<title>impasto" in urllib.request.urlopen(address).read()
    studio.terminate()
"""
# Words of `impasto`, or code for Python; each has to succeed, in this order, in one folder.
TRIALS = {
    "impasto": (FIRST, "replay out.png -o again.png", "transfer out.png swatch:batik --size 96 --instant -o i.png"),
    "keras": (FIRST, "import h5py, impasto.encoders.keras"),
    "heif": (FIRST, f"import pillow_heif; pillow_heif.register_heif_opener(); {LEAF}('photo.heic')",
             "transfer photo.heic swatch:mosaic --size 96 --preset palette -o painted.png"),
    "video": (FIRST, f"{LEAF}('clip.gif', save_all=True, append_images=[Image.open('out.png').rotate(3)])",
              "video clip.gif swatch:mosaic --size 64 --preset fast --iterations 4 -o painted.mp4"),
    "figures": (FIRST, "figure features out.png --size 96 -o features.pdf"),
    "studio": (SERVED,),
    "onnx": ("export graphs",),
    "demo": (FIRST, "from skimage import data; data.chelsea()"),
}  # fmt: skip
PYODIDE = {"3.12": "0.27.7", "3.13": "0.29.4", "3.14": "314.0.7"}
PURE = ("click", "cloup", "rich", "platformdirs", "filelock", "markdown-it-py", "mdurl", "pygments")
IN_NODE = """
const [folder, ...mounted] = process.argv.slice(1);
const { loadPyodide } = await import(`file://${folder}/pyodide.mjs`);
const python = await loadPyodide({ indexURL: `${folder}/` });
for (const [i, root] of mounted.entries()) {
  python.FS.mkdirTree(`/mounted${i}`);
  python.FS.mount(python.FS.filesystems.NODEFS, { root }, `/mounted${i}`);
}
python.runPython(`
import pathlib, sys, warnings
warnings.simplefilter("error")
sys.path[:0] = ["/mounted0", "/mounted1"]
files = sorted(pathlib.Path("/mounted0/impasto").rglob("*.py"))
for file in files:
    compile(file.read_bytes(), str(file), "exec", dont_inherit=True)
from impasto.cli import main
for words in (["--version"], ["transfer", "--help"], ["presets"], ["swatches"]):
    try:
        main(words)
    except SystemExit as left:
        assert not left.code, words
print(f"Python {sys.version.split()[0]}: {len(files)} files compile without a warning; the command answers")
`);
"""


def wheel() -> Path:
    found = sorted((ROOT / "dist").glob("impasto-*.whl"))
    if not found:
        raise SystemExit("There is no wheel in dist/: python scripts/tasks.py release")
    return found[-1]


def tried(extra: str, folder: Path) -> bool:
    """Whether an extra's trials succeed in an environment that has the wheel with that extra and nothing else."""
    made = folder / "environment"
    venv.create(made, with_pip=True)
    programs = made / PROGRAMS
    python = programs / f"python{ENDING}"
    asked = str(wheel()) + ("" if extra == "impasto" else f"[{extra}]")
    subprocess.run([python, "-m", *INSTALL, "--constraint", CONSTRAINTS, asked], check=True)
    paths = os.pathsep.join((str(programs), os.environ["PATH"]))
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"PATH": paths}
    desk = folder / "desk"
    desk.mkdir()
    for trial in TRIALS[extra]:
        is_code = "import " in trial
        command = [python, "-c", trial] if is_code else [programs / f"impasto{ENDING}", *trial.split()]
        done = subprocess.run(command, cwd=desk, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{extra}: failed: {trial.strip().splitlines()[0]}\n{done.stdout}{done.stderr}")
            return False
    print(f"{extra}: {len(TRIALS[extra])} of {len(TRIALS[extra])} trials", flush=True)
    return True


def extras(names: list[str]) -> int:
    good = []
    for name in names or list(TRIALS):
        with tempfile.TemporaryDirectory() as folder:
            good.append(tried(name, Path(folder)))
    return 0 if all(good) else 1


def pythons() -> int:
    npm, node = shutil.which("npm"), shutil.which("node")
    if not (npm and node):
        raise SystemExit("Other Pythons come from npm: install Node.js, and run this again.")
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        pip = [sys.executable, "-m", *INSTALL, "--no-deps"]
        subprocess.run([*pip, "--target", folder / "impasto", wheel()], check=True)
        subprocess.run([*pip, "--target", folder / "pure", *PURE], check=True)
        failed = False
        for version, release in PYODIDE.items():
            place = folder / version
            command = [npm, "install", "--silent", "--no-save", "--prefix", place, f"pyodide@{release}"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            words = [place / "node_modules" / "pyodide", folder / "impasto", folder / "pure"]
            command = [node, "--input-type=module", "-e", IN_NODE, *map(str, words)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            print(done.stdout.splitlines()[-1] if not done.returncode else f"{version} failed:\n{done.stderr[-3000:]}")
            failed |= bool(done.returncode)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(pythons() if sys.argv[1:] == ["pythons"] else extras(sys.argv[1:]))
