"""The notebooks run against the demo, from the top, and are stored with the output of their own cells."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from pipelines.demo import Demo
from tests.conftest import script

HERE = Path(__file__).parents[2] / "notebooks"
SOURCES = sorted(HERE.glob("*.nb.py"))
pytest.importorskip("nbclient")


@pytest.fixture(scope="module")
def store() -> Any:
    return script(HERE / "store.py")


def stored(source: Path) -> dict[str, Any]:
    return dict(json.loads(source.with_name(source.name.replace(".nb.py", ".ipynb")).read_text("utf-8")))


def test_there_are_notebooks() -> None:
    assert [s.name for s in SOURCES] == ["explore_flagged_passages.nb.py", "source_attribution.nb.py"]


@pytest.mark.parametrize("source", SOURCES, ids=lambda s: s.name)
def test_a_notebook_runs(source: Path, store: Any, demo: Demo) -> None:
    """With its interactive tables, which the stored files leave out."""
    notebook = store.read(source)
    for cell in notebook.cells:
        cell.source = cell.source.replace("INTERACTIVE = False", "INTERACTIVE = True")
    done = store.run(notebook, Path(demo.outcome.database).parent)
    shown = [
        data for cell in done.cells for output in cell.get("outputs", []) for data in output.get("data", {}).items()
    ]
    assert sum(kind == "image/svg+xml" for kind, _ in shown) >= 2
    assert any("itables" in str(html) for kind, html in shown if kind == "text/html")


@pytest.mark.parametrize("source", SOURCES, ids=lambda s: s.name)
def test_what_is_stored_is_the_source_with_its_output(source: Path, store: Any) -> None:
    kept = stored(source)
    cells = [("".join(cell["source"]), cell["cell_type"]) for cell in kept["cells"]]
    assert cells == [(cell.source, cell.cell_type) for cell in store.read(source).cells], (
        "run python notebooks/store.py"
    )
    code = [cell for cell in kept["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1)), (
        "run from the top, each cell once"
    )
    outputs = [output for cell in code for output in cell["outputs"]]
    assert not [o for o in outputs if o["output_type"] == "error" or o.get("name") == "stderr"]
    assert sum("image/svg+xml" in o.get("data", {}) for o in outputs) >= 2
    text = json.dumps(kept)
    assert len(text) < 800_000
    assert not re.search(r"/(home|work|root|tmp)/", text), "a path of the machine that ran it"
