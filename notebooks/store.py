"""Runs the notebooks and stores them with their output: python notebooks/store.py [demo-audit]. The .nb.py is what is edited.

store.py        this
NAME.nb.py      the source, in jupytext's percent format
NAME.ipynb      the same cells with their output, written here
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent
SOURCES = sorted(HERE.glob("*.nb.py"))


def read(source: Path) -> Any:
    """The source as a notebook without output."""
    return jupytext.read(source)


def run(notebook: Any, demo: Path, timeout: int = 300) -> Any:
    """Executes from the top, in a folder beside the demo's root. Raises nbclient's CellExecutionError."""
    with tempfile.TemporaryDirectory() as folder:
        beside = Path(folder) / "notebooks"
        beside.mkdir()
        (Path(folder) / "demo-audit").symlink_to(demo.resolve(), target_is_directory=True)
        NotebookClient(
            notebook, timeout=timeout, kernel_name="python3", resources={"metadata": {"path": str(beside)}}
        ).execute()
    return notebook


def stored(notebook: Any) -> str:
    """The file: no times, no machine, cells numbered by their place."""
    for place, cell in enumerate(notebook.cells):
        cell.id = f"cell-{place:02d}"
        cell.metadata.pop("execution", None)
    notebook.metadata = {"kernelspec": dict(notebook.metadata["kernelspec"]), "language_info": {"name": "python"}}
    return nbformat.writes(notebook)


def main() -> None:
    """Runs each, and writes it."""
    demo = Path(sys.argv[1] if len(sys.argv) > 1 else HERE.parent / "demo-audit")
    for source in SOURCES:
        target = source.with_name(re.sub(r"\.nb\.py$", ".ipynb", source.name))
        target.write_text(stored(run(read(source), demo)) + "\n", "utf-8")
        print(f"{target.name}: {target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
