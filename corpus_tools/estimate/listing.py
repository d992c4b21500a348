"""Drawn passages of an audit -> its documents by their highest score, and what a list of those above a threshold holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus_tools.estimate.survey import Floats, Survey, sums


@dataclass(frozen=True)
class Held:
    """Words of each content [C] that a list holds."""

    seen: Floats  # in documents that the gate hits: the drawn copies, and what stands for copies not drawn
    rest: Floats  # the same in other documents
    guessed: Floats  # of `seen`, what stands for copies not drawn


@dataclass(frozen=True)
class Listing:
    """Drawn and scored passages [R], and their documents [D]."""

    size: int  # contents
    content: NDArray[np.int64]  # [R]
    document: NDArray[np.int64]  # [R]
    names: list[str]  # [D]
    best: Floats  # [D] highest score
    top: NDArray[np.int64]  # [D] the content that has it
    without: Floats  # [R] the document's highest score without this content; -1: none
    words: Floats  # [R]
    more: Floats  # [R] 1 / q - 1
    seen: NDArray[np.bool_]  # [R]

    def scores(self, documents: pl.DataFrame) -> pl.DataFrame:
        """document_id, score, words of the documents with a scored passage, in order of id."""
        mine = pl.DataFrame(
            {"document_id": self.names, "score": self.best}, schema_overrides={"document_id": pl.String}
        )
        known = documents.select(pl.col("document_id").cast(pl.String), pl.col("words").cast(pl.Int64))
        return mine.join(known.unique("document_id"), on="document_id", how="left").sort("document_id")

    def held(self, threshold: float) -> Held:
        """What a list of the documents that reach the threshold holds of each content."""
        listed = self.best[self.document] >= threshold
        own = self.words * listed
        guessed = own * self.more * (self.without >= threshold)
        seen, rest = (sums(self.content[s], (own + guessed)[s], size=self.size) for s in (self.seen, ~self.seen))
        return Held(seen, rest, sums(self.content[self.seen], guessed[self.seen], size=self.size))

    def tops(self, threshold: float) -> Floats:
        """[C] in how many listed documents this content is the highest."""
        return sums(self.top[self.best >= threshold], size=self.size)


def listing(frame: pl.DataFrame, data: Survey, label: str, barred: pl.Series) -> Listing:
    """passages (as for survey, and document_id) -> those drawn and scored, with what their documents have beside them.

    barred: document_ids that no list names, whatever they score."""
    defaults = {"drawn": True, "unscored": False, "stratum": "hit", "screen_probability": 1.0, "n_words": 1}
    frame = frame.with_columns(*(pl.lit(v).alias(c) for c, v in defaults.items() if c not in frame.columns))
    drawn = frame.filter(pl.col("drawn") & ~pl.col("unscored") & pl.col(label).is_not_null())
    drawn = drawn.select("document_id", "content", "stratum", "screen_probability", "n_words", label)
    drawn = drawn.with_columns(pl.col("document_id").cast(pl.String), score=pl.col(label).cast(pl.Float64).round(4))
    drawn = drawn.with_columns(at=pl.Series(data.find(drawn["content"]), dtype=pl.Int64)).filter(pl.col("at") >= 0)
    drawn = drawn.sort("document_id", "score", "at", descending=[False, True, False])
    firsts = (
        drawn.group_by("document_id", maintain_order=True)
        .agg(
            best=pl.col("score").first(),
            top=pl.col("at").first(),
            second=pl.col("score").filter(pl.col("at") != pl.col("at").first()).first(),
        )
        .with_row_index("code")
    )
    firsts = firsts.with_columns(
        pl.when(pl.col("document_id").is_in(barred.implode())).then(-1.0).otherwise(name).alias(name)
        for name in ("best", "second")
    )
    drawn = drawn.join(firsts, on="document_id", how="left", maintain_order="left")
    without = pl.when(pl.col("at") == pl.col("top")).then(pl.col("second").fill_null(-1.0)).otherwise("best")
    seen = np.ones(drawn.height, bool) if data.complete_open else (drawn["stratum"] != "sampled").to_numpy()
    return Listing(
        size=data.size,
        content=drawn["at"].to_numpy(),
        document=drawn["code"].cast(pl.Int64).to_numpy(),
        names=firsts["document_id"].to_list(),
        best=firsts["best"].to_numpy(),
        top=firsts["top"].to_numpy(),
        without=drawn.select(without.alias("x"))["x"].to_numpy(),
        words=drawn["n_words"].cast(pl.Float64).to_numpy(),
        more=(1 / drawn["screen_probability"].cast(pl.Float64) - 1).to_numpy(),
        seen=seen,
    )
