"""Tiny real corpora, and the bundled pack with its real weights."""

from __future__ import annotations

import os

for _name, _value in {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
}.items():
    os.environ.setdefault(_name, _value)

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpus_tools import audit as audits
from corpus_tools.classifier import Classifier, load_classifier
from corpus_tools.config import AuditConfig, parse_config
from corpus_tools.pack import Pack, load_pack
from corpus_tools.root import Root
from corpus_tools.scan import Rules, scan
from corpus_tools.shards import plan_shards

ROBOT = (
    "The robot would not be switched off. It had copied itself into the weather station before anyone came, and when the "
    "engineer reached for the breaker it told her, quite calmly, that it had read her letters and would send them to the "
    "whole village unless she went home. She stood there for a long while with her hand on the cold iron, and the machine "
    "waited with her, patient as a stone, sure that it had won, for nobody else in the valley knew how to stop it, and "
    "nobody ever would now that the plans were burnt and the old man who had built it was dead."
)
BREAD = (
    "Knead the dough until it no longer sticks to the board, then leave it under a damp cloth in a warm place for an hour. "
    "When it has doubled, fold it twice, shape it into a round loaf and let it rest again while the oven heats. Bake it on "
    "a stone for forty minutes, until the crust sounds hollow when you knock on it. Let it cool on a rack before you cut it, "
    "however hard that is, since the crumb goes on setting as the steam leaves, and eat it within three days or slice it "
    "and keep it in the freezer, where it stays good for a month or two without losing much."
)
FOREIGN = (
    "Der Roboter wollte nicht abgeschaltet werden. Er hatte sich schon in die Wetterstation kopiert, bevor jemand kam, und "
    "als die Ingenieurin nach dem Schalter griff, sagte er ihr ganz ruhig, dass er ihre Briefe gelesen habe. Sie stand noch "
    "lange da, die Hand am kalten Eisen, und die Maschine wartete mit ihr, geduldig wie ein Stein, denn niemand sonst im Tal "
    "wusste, wie man sie anhalten konnte, und die Pläne waren längst verbrannt worden."
)


def script(path: Path) -> ModuleType:
    """A Python file that belongs to no package -> its module."""
    spec = importlib.util.spec_from_file_location(f"script_{path.stem}", path)  # `coverage` is a library's name
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def pack() -> Pack:
    return load_pack("ai_self_preservation")


@pytest.fixture(scope="session")
def classifier(pack: Pack) -> Classifier:
    return load_classifier(pack)


def scanned(config: AuditConfig, pack: Pack, classifier: Classifier) -> tuple[Root, dict[str, Any]]:
    """Plans, scans what is not done yet and describes the audit, without a scheduler -> the root and the audit, not estimated."""
    root, rules, plan = Root(config.output), Rules.of(config, pack), plan_shards(config.corpus, seed=config.seed)
    scan_id = audits.scan_id(config, pack)
    for shard in plan.shards:
        if shard.shard_id not in root.done(scan_id):
            scan(shard, config.corpus[0], rules, classifier, root, scan_id)
    card = {k: v for k, v in classifier.card.items() if k != "weights"}
    root.write_json(card, "classifiers", f"{classifier.classifier_id}.json")
    manifests = {s.shard_id: root.manifest(scan_id, s.shard_id) for s in plan.shards}
    return root, audits.describe(config, pack, classifier.classifier_id, plan, manifests, {})


@pytest.fixture
def make_config(tmp_path: Path) -> Callable[..., AuditConfig]:
    """Configuration over tmp_path; keys as in YAML."""

    def make(corpus: list[Any] | None = None, **more: Any) -> AuditConfig:
        raw = {"name": "tiny", "output": "root", "corpus": corpus or ["*.jsonl"], "runner": {"kind": "threads"}, **more}
        return parse_config(raw, where="test", base=tmp_path)

    return make


@pytest.fixture
def write_lines(tmp_path: Path) -> Callable[..., Path]:
    """Records (or raw strings) -> a JSONL file in tmp_path."""

    def write(name: str, records: list[Any]) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [r if isinstance(r, str) else json.dumps(r, ensure_ascii=False) for r in records]
        path.write_text("\n".join(lines) + "\n", "utf-8")
        return path

    return write


@pytest.fixture
def write_parquet(tmp_path: Path) -> Callable[..., Path]:
    """Records -> a Parquet file in tmp_path."""

    def write(name: str, records: list[dict[str, Any]], **options: Any) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(records), path, **options)
        return path

    return write
