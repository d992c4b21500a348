"""Links of the pages lead somewhere, and the configurations in them are valid."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from corpus_tools.config import CorpusEntry, load_config, parse_config
from corpus_tools.pack import load_pack
from corpus_tools.shards import plan_shards

HERE = Path(__file__).parent.parent
PAGES = sorted(
    p
    for p in [
        *HERE.glob("*.md"),
        *HERE.glob("docs/**/*.md"),
        *HERE.glob("data/**/*.md"),
        *HERE.glob("corpus_tools/packs/*/*.md"),
    ]
)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(HERE)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("page", [p for p in PAGES if "```yaml" in p.read_text("utf-8")], ids=lambda p: p.name)
def test_configurations_in_the_pages_are_valid(page: Path) -> None:
    for block in re.findall(r"```yaml[^\n]*\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
        raw = yaml.safe_load(
            "\n".join(line.removeprefix("    ") if block.startswith("    ") else line for line in block.splitlines())
        )
        parse_config({"name": "x", "output": "o"} | raw, where=page.name)


@pytest.mark.parametrize("path", sorted(HERE.glob("docs/examples/*.yaml")), ids=lambda p: p.name)
def test_examples_are_valid(path: Path) -> None:
    assert load_config(path).corpus


def test_the_examples_for_clusters() -> None:
    folder = HERE / "docs" / "examples" / "cluster"
    objects = list(yaml.safe_load_all((folder / "kubernetes.yaml").read_text("utf-8")))
    names = {(o["kind"], o["metadata"]["name"]) for o in objects}
    config = next(o["data"]["audit.yaml"] for o in objects if o["kind"] == "ConfigMap")
    runner = parse_config(yaml.safe_load(config), where="kubernetes.yaml").runner
    assert ("Service", runner.address.removeprefix("tcp://").split(":")[0]) in names
    assert next(o["spec"]["replicas"] for o in objects if o["metadata"]["name"] == "dask-worker") == runner.workers
    subprocess.run(["bash", "-n", str(folder / "slurm.sh")], check=True)


def test_the_reader_of_the_page_reads(tmp_path: Path) -> None:
    page = (HERE / "docs" / "how-to" / "extend.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    (tmp_path / "a.txt").write_text("told")
    (tmp_path / "b.txt").write_bytes(b"\xff")
    entry = CorpusEntry(uri=str(tmp_path), name="texts", format="jsonl", id_field="id")
    found = [batch for shard in plan_shards([entry], seed=0).shards for batch in names["read"](shard, entry)]
    assert [d for b in found for d in b.documents.select(["text", "given_id"]).to_pylist()] == [
        {"text": "told", "given_id": "a.txt"}
    ]
    assert [(r.reason, r.fate) for b in found for r in b.rejects] == [("not-utf8", "rejected")]


def test_the_smallest_pack_of_the_page_is_one(tmp_path: Path) -> None:
    page = (HERE / "docs" / "how-to" / "extend.md").read_text("utf-8")
    (spec,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "pack.toml").write_text(spec, "utf-8")
    pack = load_pack(str(tmp_path))
    assert (pack.headline, pack.labels) == ("late", ("late", "mode_complaint", "mode_other"))
