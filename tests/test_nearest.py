"""Nearest passages: from stored vectors, and from vectors made anew, which are the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from corpus_tools.audit import scan_id
from corpus_tools.classifier import Classifier
from corpus_tools.config import AuditConfig
from corpus_tools.errors import RootError
from corpus_tools.nearest import nearest, vectors
from corpus_tools.pack import Pack
from corpus_tools.root import Root
from corpus_tools.scan import Rules, scan
from corpus_tools.shards import plan_shards
from tests.conftest import BREAD, ROBOT

FOUND = pl.DataFrame(
    {"content": ["a", "b", "c", "d"], "vector": [[1.0, 0.0], [2.0, 0.1], [0.0, 3.0], [-1.0, 0.0]]},
    schema={"content": pl.String, "vector": pl.Array(pl.Float32, 2)},
)


def test_the_nearest_come_first_whatever_their_length() -> None:
    rows = nearest(FOUND, "a", size=2)
    assert rows["content"].to_list() == ["b", "c"]
    assert rows["similarity"].to_list() == pytest.approx([0.99875, 0.0], abs=1e-4)


def test_a_content_without_a_vector_is_named() -> None:
    with pytest.raises(RootError, match="no vector of content 'x'"):
        nearest(FOUND, "x")


@pytest.fixture
def scanned(
    make_config: Callable[..., AuditConfig], write_lines: Callable[..., Path], pack: Pack, classifier: Classifier
) -> Callable[..., tuple[Root, dict[str, Any]]]:
    """A scan of three passages, one of them twice, with `store` as given."""

    def make(**store: Any) -> tuple[Root, dict[str, Any]]:
        write_lines("a.jsonl", [{"text": t} for t in (ROBOT, ROBOT, f"{ROBOT} Twice.", f"A robot. {BREAD}")])
        config = make_config(["a.jsonl"], store=store, output="-".join(map(str, store.values())))
        root, scanned = Root(config.output), scan_id(config, pack)
        (shard,) = plan_shards(config.corpus, seed=config.seed).shards
        scan(shard, config.corpus[0], Rules.of(config, pack), classifier, root, scanned)
        shards = [{"shard_id": shard.shard_id, "status": "done"}]
        return root, {"scan_id": scanned, "classifier_id": classifier.classifier_id, "shards": shards}

    return make


def test_stored_vectors_are_those_that_the_classifier_makes(
    scanned: Callable[..., tuple[Root, dict[str, Any]]], classifier: Classifier
) -> None:
    stored = vectors(*scanned(text="none", vectors=True))
    made = vectors(*scanned(text="full", vectors=False), classifier)
    assert len(stored) == 3, "a content once"
    assert stored["content"].to_list() == made["content"].to_list()
    assert abs(stored["vector"].to_numpy() - made["vector"].to_numpy()).max() < 1e-4


def test_without_vectors_texts_or_the_right_classifier_it_is_said(
    scanned: Callable[..., tuple[Root, dict[str, Any]]], classifier: Classifier
) -> None:
    root, audit = scanned(text="none", vectors=False)
    with pytest.raises(RootError, match="no vectors are stored"):
        vectors(root, audit)
    with pytest.raises(RootError, match="neither vectors nor texts"):
        vectors(root, audit, classifier)
    with pytest.raises(RootError, match="expected the audit's, other"):
        vectors(root, audit | {"classifier_id": "other"}, classifier)
