"""The page of methods runs."""

from __future__ import annotations

import re
from pathlib import Path


def test_the_examples_run() -> None:
    page = (Path(__file__).parents[2] / "docs" / "methods.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", page, re.S)
    assert len(blocks) == 2
    names: dict[str, object] = {}
    for block in blocks:
        exec(block, names)
