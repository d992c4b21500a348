"""The headline figure of a scan that is still running: finished shards -> a share of passages, by scores alone."""

from __future__ import annotations

import polars as pl

from corpus_tools.root import Root


class SoFar:
    """Adds up each finished shard of one scan and classifier once, whichever run finished it.

    `value`: the sum of weight times score of `label` over the sum of weights (Hájek 1971), over scored passages with a weight of one
    over their inclusion probability; None before the first. No labels correct it, and the shards that are missing may differ: it is
    for watching.
    """

    # Not the figure of audit.look, which decides when to stop: that one takes labels, shards' probabilities and the estimator of the end,
    # and reads every shard again at each look. This one is brought up to date every few seconds, so it costs what the new shards cost.

    def __init__(self, root: Root, scan_id: str, classifier_id: str, label: str) -> None:
        self._root, self._scan, self._classifier, self._label = root, scan_id, classifier_id, label
        self._seen: set[str] = set()
        self._sum = self._weights = 0.0
        self.passages = 0

    @property
    def value(self) -> float | None:
        """The share so far."""
        return self._sum / self._weights if self._weights else None

    def update(self) -> None:
        """Adds what has been finished since."""
        there = self._root.done(self._scan) & self._root.scored(self._classifier, self._scan)
        for shard in sorted(there - self._seen):
            rows = self._rows(shard)
            self._sum += float((rows["weight"] * rows[self._label]).sum())
            self._weights += float(rows["weight"].sum())
            self.passages += len(rows)
            self._seen.add(shard)

    def _rows(self, shard: str) -> pl.DataFrame:
        columns = ["passage_id", "document_id", "screen_probability"]
        passages = self._root.shard_frame(self._scan, [shard], "passages", columns)
        documents = self._root.shard_frame(self._scan, [shard], "documents", ["document_id", "open_probability"])
        scores = self._root.scores(self._classifier, self._scan, [shard], [self._label]).select(
            "passage_id", self._label
        )
        return (
            passages.join(documents.drop("shard_id"), on="document_id")
            .join(scores, on="passage_id")
            .filter(pl.col(self._label).is_not_null())
            .with_columns(weight=1 / (pl.col("open_probability") * pl.col("screen_probability")))
        )
