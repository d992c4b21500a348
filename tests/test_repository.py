"""What may not be in the repository: files of audit roots (they hold other people's text), anything that is loaded by pickle, and
pins that the oldest Python named in pyproject.toml cannot have."""

from __future__ import annotations

import re
import subprocess
import tomllib
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

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
    graphs = {f.removesuffix(".xml") + ".bin" for f in tracked if f.endswith(".xml")}  # of OpenVINO: bare numbers
    kinds = (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".bin")
    assert not [f for f in tracked if f.endswith(kinds) and f not in graphs]


def test_every_pin_can_be_had_by_the_oldest_python() -> None:
    """Of a pin that cannot, pip tries every version of what needs it, for a quarter of an hour and in vain."""
    wanted = tomllib.loads((HERE / "pyproject.toml").read_text("utf-8"))["project"]["requires-python"]
    oldest = f"{wanted.removeprefix('>=')}.0"
    barred = {}
    for name, version in re.findall(r"^([\w.-]+)==(\S+)", (HERE / "constraints.txt").read_text("utf-8"), re.MULTILINE):
        try:
            told = metadata(name)
        except PackageNotFoundError:  # of an extra that is not installed
            continue
        if told["Version"] == version and oldest not in SpecifierSet(told.get("Requires-Python") or ""):
            barred[f"{name}=={version}"] = told.get("Requires-Python")
    assert not barred
