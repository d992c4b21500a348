"""The pages made from the code are the code's: run `python docs/reference.py` where they are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import script

HERE = Path(__file__).parent.parent


@pytest.mark.parametrize("name", ["cli.md", "configuration.md"])
def test_a_page_is_what_the_code_says(name: str) -> None:
    reference = script(HERE / "docs" / "reference.py")
    path = reference.FOLDER / name
    assert path.read_text("utf-8") == reference.PAGES[path](), "run python docs/reference.py"
