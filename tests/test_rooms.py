"""The direction of imports: a file may import only from rooms above it in the map, and the map names every file."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent.parent
LIBRARY = HERE / "corpus_tools"
PIPELINES = HERE / "pipelines"
ALONE = {
    "duckdb": "corpus_tools.warehouse",
    "prefect": "pipelines",
    "datasets": "corpus_tools.readers",
    "typer": "pipelines.cli",
}


def rooms() -> list[str]:
    """Rooms in the order of the docstring of corpus_tools/__init__.py."""
    text = ast.get_docstring(ast.parse((LIBRARY / "__init__.py").read_text("utf-8"))) or ""
    return [m.group(1) for m in re.finditer(r"^ {4}(\w+)(?:\.py|/)  ", text, re.MULTILINE)]


def modules(folder: Path) -> list[Path]:
    return [p for p in sorted(folder.rglob("*.py")) if p.name != "__init__.py"]


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def room(name: str) -> str:
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else ""


def test_the_map_names_every_room() -> None:
    there = {p.stem for p in LIBRARY.glob("*.py") if p.stem != "__init__"}
    there |= {p.parent.name for p in LIBRARY.glob("*/__init__.py")}
    assert sorted(there) == sorted(set(rooms()) - {"packs"})


@pytest.mark.parametrize("folder", [PIPELINES, PIPELINES / "cli"], ids=lambda p: p.name)
def test_the_maps_of_the_orchestrator_name_every_file(folder: Path) -> None:
    text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8"))) or ""
    there = {p.stem for p in folder.glob("*.py")} | {p.parent.name for p in folder.glob("*/__init__.py")}
    assert sorted(re.findall(r"^(\w+)(?:\.py|/)  ", text, re.MULTILINE)) == sorted(there - {"__init__", "__main__"})


@pytest.mark.parametrize("path", modules(LIBRARY), ids=lambda p: str(p.relative_to(LIBRARY)))
def test_imports_point_up(path: Path) -> None:
    order = {name: place for place, name in enumerate(rooms())}
    mine = path.relative_to(LIBRARY).parts[0].removesuffix(".py")
    for name in imported(path):
        assert not name.startswith("pipelines"), f"{path.name}: the library does not know its orchestrator ({name})"
        other = room(name)
        if name.startswith("corpus_tools") and other in order and other != mine:
            assert order[other] < order[mine], (
                f"{mine} imports {other}: data flows from {other} to {mine} only if it is above it"
            )


@pytest.mark.parametrize("path", modules(LIBRARY) + modules(PIPELINES), ids=lambda p: str(p.relative_to(HERE)))
def test_packages_with_one_room(path: Path) -> None:
    here = ".".join(path.relative_to(HERE).with_suffix("").parts)
    for name in imported(path):
        home = ALONE.get(name.split(".")[0])
        assert home is None or here.startswith(home), f"{here} imports {name}, which lives in {home}"


@pytest.mark.parametrize("path", modules(LIBRARY), ids=lambda p: str(p.relative_to(LIBRARY)))
def test_library_code_names_no_label(path: Path) -> None:
    from corpus_tools.pack import load_pack

    labels = set(load_pack("ai_self_preservation").labels) - {"threat"}
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert node.value not in labels, f"{path.name} line {node.lineno} names the label {node.value!r}"
