"""The pages made from the code are the code's: run `python docs/reference.py` where they are not."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

HERE = Path(__file__).parent.parent


@pytest.mark.parametrize("name", ["cli.md", "configuration.md"])
def test_a_page_is_what_the_code_says(name: str) -> None:
    spec = importlib.util.spec_from_file_location("reference", HERE / "docs" / "reference.py")
    assert spec and spec.loader
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    path = reference.FOLDER / name
    assert path.read_text("utf-8") == reference.PAGES[path](), "run python docs/reference.py"
