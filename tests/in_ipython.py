"""Runs a notebook's cells in IPython and prints, for each, a line of JSON: what it printed, and what it showed.

python tests/in_ipython.py NOTEBOOK
"""

import json
import sys
from base64 import b64encode
from pathlib import Path

from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

PARTS = ("data", "metadata", "transient", "update")


def as_text(data):
    """Bytes as a kernel sends them."""
    return b64encode(data).decode("ascii")


def main(notebook):
    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell.instance(config=config)
    values = []

    def show(value):
        if value is not None:
            data, metadata = shell.display_formatter.format(value)
            values.append({"data": data, "metadata": metadata, "transient": {}, "update": False})

    shell.display_trap.hook = show
    for cell in json.loads(Path(notebook).read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            with capture_output() as captured:
                result = shell.run_cell("".join(cell["source"]))
            result.raise_error()
            shown = [
                {part: getattr(each, part) for part in ("data", "metadata", "transient", "update")}
                for each in captured.outputs
            ]
            shown += [values.pop() for _ in values[:]]
            print(json.dumps({"printed": captured.stdout, "shown": shown}, default=as_text), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
