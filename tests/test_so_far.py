"""The figure of a running scan: finished shards, each once, weighted by what they stand for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from corpus_tools import audit as audits
from corpus_tools.classifier import Classifier
from corpus_tools.config import AuditConfig
from corpus_tools.pack import Pack
from corpus_tools.root import Root
from corpus_tools.scan import Rules, scan
from corpus_tools.shards import plan_shards
from corpus_tools.so_far import SoFar
from tests.conftest import BREAD, ROBOT


def test_it_is_the_weighted_mean_of_what_is_finished(
    make_config: Callable[..., AuditConfig], pack: Pack, classifier: Classifier, tmp_path: Path
) -> None:
    for i in range(2):
        lines = [json.dumps({"text": f"{ROBOT if k % 2 else BREAD} No. {10 * i + k}."}) for k in range(4 + 4 * i)]
        (tmp_path / f"{i}.jsonl").write_text("\n".join(lines))
    config = make_config(gate={"audit_fraction": 0.5})
    root, scan_id = Root(config.output), audits.scan_id(config, pack)
    root.prepare()
    seen = SoFar(root, scan_id, classifier.classifier_id, pack.headline)
    seen.update()
    assert (seen.value, seen.passages) == (None, 0)

    scored = []
    for shard in plan_shards(config.corpus, seed=config.seed).shards:
        scan(shard, config.corpus[0], Rules.of(config, pack), classifier, root, scan_id, lambda _: None)
        scored.append(root.scores(classifier.classifier_id, scan_id, [shard.shard_id]))
        seen.update()
        seen.update()
        assert seen.passages == sum(map(len, scored)), "each shard counts once"

    ids = sorted(root.done(scan_id))
    documents = pl.DataFrame(pl.from_arrow(root.shard_table(scan_id, ids, "documents")))
    passages = pl.DataFrame(pl.from_arrow(root.shard_table(scan_id, ids, "passages")))
    rows = passages.join(documents.select("document_id", "open_probability"), on="document_id")
    rows = rows.join(pl.concat(scored).drop("content"), on="passage_id")
    weight = 1 / (rows["open_probability"] * rows["screen_probability"])
    assert seen.value == pytest.approx((weight * rows[pack.headline]).sum() / weight.sum())
    assert 0 < seen.value < 1
