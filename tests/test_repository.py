"""What may not be in the repository: files of audit roots (they hold other people's text), and anything that is loaded by pickle."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def tracked() -> list[str]:
    done = subprocess.run(["git", "ls-files"], cwd=HERE, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    return done.stdout.splitlines()


def test_no_audit_root_is_tracked(tracked: list[str]) -> None:
    assert not [f for f in tracked if "-audit/" in f or f.endswith(".duckdb")]
    assert {str(Path(f).parent) for f in tracked if f.endswith(".parquet")} <= {"data/sample/pages"}


def test_nothing_is_pickled(tracked: list[str]) -> None:
    assert not [f for f in tracked if f.endswith((".pkl", ".pickle", ".joblib", ".pt", ".pth", ".bin"))]
