"""The demo: an audit of the bundled sample, before labels, and after a round answered from the sample's truth file.

The sample is synthetic: written for this project by language models. Its truth is known, so that an interval can be held against it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import zstandard

from corpus_tools import audit as audits
from corpus_tools.classifier.annotations import text_sha256, true_labels
from corpus_tools.config import AuditConfig, load_config
from corpus_tools.errors import RootError
from corpus_tools.labels import import_labels, round_names
from corpus_tools.pack import load_pack
from corpus_tools.passages import split
from corpus_tools.readers import READERS
from corpus_tools.root import Root
from corpus_tools.rounds import sample_round
from corpus_tools.shards import plan_shards
from corpus_tools.sources import documents_read
from pipelines.audit import Outcome, estimate_flow, run_audit
from pipelines.watch import Watcher

SAMPLE = Path(__file__).parent.parent / "data" / "sample"
ROUND = "demo"
LABELS = 400
ANNOTATOR = "the sample's truth file (synthetic)"


@dataclass(frozen=True)
class Demo:
    """Both states: rows of `prevalence` before and after, and the known prevalence by dimension and source."""

    outcome: Outcome
    before: pl.DataFrame
    after: pl.DataFrame
    truth: Mapping[tuple[str, str], float]
    labels: int


def demo_config(output: Path) -> AuditConfig:
    """The sample's configuration with another root. Raises RootError where the sample is not there."""
    if not (SAMPLE / "demo.yaml").is_file():
        raise RootError(
            "the bundled sample is not there", where=str(SAMPLE), todo="Run the demo from a clone of the repository."
        )
    return load_config(SAMPLE / "demo.yaml").model_copy(update={"output": str(output.resolve())})


def truth_answers() -> dict[str, dict[str, Any]]:
    """sha256 of a passage's text -> its annotation, from the sample's truth file."""
    data = zstandard.ZstdDecompressor().stream_reader((SAMPLE / "truth.jsonl.zst").open("rb"))
    import orjson

    return {r["sha256"]: r for r in map(orjson.loads, io.TextIOWrapper(data, "utf-8")) if r}


def known_prevalence(config: AuditConfig, answers: Mapping[str, Mapping[str, Any]]) -> dict[tuple[str, str], float]:
    """(dimension, source) -> share of the passages where the headline label is true, by reading every document of the sample.

    Like the estimates: over text that the classifier knows.
    """
    pack = load_pack(config.pack)
    rules_languages = set(pack.languages)
    rows = []
    for shard in plan_shards(config.corpus, seed=config.seed).shards:
        entry = audits.entry_of(config, shard.dataset)
        for batch in READERS[shard.format](shard, entry):
            read = documents_read(batch.documents, shard, [0] * len(batch.documents), [0] * len(batch.documents))  # type: ignore[arg-type]
            for domain, language, text in zip(
                read["domain"], read["language"], batch.documents["text"].to_pylist(), strict=True
            ):
                for start, end in split(text or "", config.passages):
                    answer = answers[text_sha256(text[start:end])]
                    known = not rules_languages or (language or answer.get("language") or "en") in rules_languages
                    rows.append((shard.dataset, domain, pack.headline in true_labels(answer, pack), known))
    frame = pl.DataFrame(rows, schema=["dataset", "domain", "true", "known"], orient="row").filter("known")
    kinds = {**pack.kinds, **config.kinds}
    frame = frame.with_columns(corpus=pl.lit("all"), kind=pl.col("domain").replace_strict(kinds, default=""))
    return {
        (dimension, source): share
        for dimension in ("corpus", "dataset", "domain", "kind")
        for source, share in frame.group_by(dimension).agg(pl.col("true").mean()).iter_rows()
    }


def headline_rows(root: Root, audit_id: str, headline: str) -> pl.DataFrame:
    """The audit's rows of `prevalence` for its headline label, passages, copies counted, not crossed."""
    table = root.estimates(audit_id, "prevalence")
    return table.filter(label=headline, unit="passages", basis="exposure", dimension_2="")


def known_coverage() -> dict[str, Any] | None:
    """How often intervals of reseeded audits of the sample hold the truth: what data/sample/coverage.py found; None where it is not."""
    path = SAMPLE / "coverage.json"
    return json.loads(path.read_text("utf-8")) if path.is_file() else None


def run_demo(output: Path, watcher: Watcher | None = None) -> Demo:
    """Audits the sample twice over: as it stands without labels, then with a round of about 400."""
    config = demo_config(output)
    pack, answers = load_pack(config.pack), truth_answers()
    root = Root(config.output)
    outcome = run_audit(config, watcher, shown=ROUND in round_names(root))
    audit = audits.read(root, outcome.audit_id)
    if ROUND not in round_names(root):
        before = headline_rows(root, outcome.audit_id, pack.headline)
        drawn = sample_round(root, audit, pack, name=ROUND, size=LABELS).passages
        import_labels(
            root,
            ROUND,
            [
                {**answers[text_sha256(text)], "passage_id": p}
                for p, text in drawn.select("passage_id", "text").iter_rows()
            ],
            pack,
            ANNOTATOR,
        )
        outcome = estimate_flow(config.output, outcome.audit_id)
    else:  # the demo ran here before: its first state is computed again, without the round
        unlabelled = audits.estimate(root, audit, pack, label_names=[]).prevalence
        before = unlabelled.filter(label=pack.headline, unit="passages", basis="exposure", dimension_2="")
    after = headline_rows(root, outcome.audit_id, pack.headline)
    labelled = root.read_json("rounds", f"{ROUND}.json")["labelled"]
    return Demo(outcome, before, after, known_prevalence(config, answers), labelled)


__all__ = ["Demo", "run_demo"]
