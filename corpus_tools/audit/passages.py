"""The files of an audit's shards -> the frames that estimates take: passages with their scores, and tallies."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import polars as pl

from corpus_tools.audit.described import done_shards, source_names
from corpus_tools.estimate.frames import keyed
from corpus_tools.pack import Pack
from corpus_tools.root import Root
from corpus_tools.tables import STRATA

_PASSAGE = ("passage_id", "document_id", "content", "stratum", "screen_probability", "drawn", "n_words")
_DOCUMENT = (
    "document_id", "open_probability", "unscored", "dataset", "domain", "year", "language", "content", "sources",
)  # fmt: skip


def scored_passages(
    root: Root, audit: Mapping[str, Any], pack: Pack, *, labels: Collection[str] | None = None, texts: bool = False
) -> pl.DataFrame:
    """One row per passage of every opened document, drawn or not, with source keys, stage probabilities and scores (null where none).

    `labels`: whose scores are wanted, of those that the classifier has; default: all. `texts`: with text, terms and url.
    """
    return _of_shards(root, audit, pack, labels, texts, lean=False)


def lean_passages(
    root: Root, audit: Mapping[str, Any], pack: Pack, *, labels: Collection[str] | None = None
) -> pl.DataFrame:
    """The same, as all of an audit's passages fit into memory: ids and contents are keys (estimate.frames), source keys and strata
    codes; no passage_id."""
    return _of_shards(root, audit, pack, labels, texts=False, lean=True)


def _of_shards(
    root: Root, audit: Mapping[str, Any], pack: Pack, labels: Collection[str] | None, texts: bool, lean: bool
) -> pl.DataFrame:
    """Shard by shard: a document and its passages are in one, and of texts no more than a shard's are held."""
    rates = {s["shard_id"]: s["shard_probability"] for s in audit["shards"]}

    def read(shard: str) -> pl.DataFrame:
        scan = audit["scan_id"]
        passages = root.shard_frame(
            scan, [shard], "passages", [*_PASSAGE, "terms", "text"] if texts else list(_PASSAGE)
        )
        documents = root.shard_frame(scan, [shard], "documents", [*_DOCUMENT, "url"] if texts else list(_DOCUMENT))
        documents = _spread(documents.drop("shard_id"), source_names(audit), audit, pack)
        documents = documents.rename({"content": "document_content"})
        scores = root.scores(audit["classifier_id"], scan, [shard], labels).drop("content")
        if lean:
            passages, documents, scores = (_coded(f) for f in (passages, documents, scores))
        joined = passages.join(documents, on="document_id", how="left", maintain_order="left").join(
            scores, on="passage_id", how="left", maintain_order="left"
        )
        if lean:
            joined = joined.drop("passage_id")
        return joined.with_columns(shard_probability=pl.lit(rates[shard], pl.Float64))

    return pl.concat(root.each(read, done_shards(audit)))


def _coded(frame: pl.DataFrame) -> pl.DataFrame:
    """Keys for ids and contents, codes for strata and source keys."""
    frame = keyed(frame, ("passage_id", "document_id", "content", "document_content"))
    return frame.with_columns(
        pl.col(c).cast(pl.Enum(STRATA) if c == "stratum" else pl.Categorical)
        for c, dtype in frame.schema.items()
        if dtype == pl.String
    )


def tallies(root: Root, audit: Mapping[str, Any], pack: Pack) -> pl.DataFrame:
    """The audit's tallies with plain source columns and the shards' probability."""
    frame = root.shard_frame(audit["scan_id"], done_shards(audit), "tallies")
    frame = _spread(frame, source_names(audit), audit, pack).join(_shard_rates(audit), on="shard_id", how="left")
    if (frame["language"] == "").any():  # given for some documents only: the estimates take it from opened documents
        frame = frame.drop("language")
    return frame.drop("shard_id")


def _spread(frame: pl.DataFrame, names: Sequence[str], audit: Mapping[str, Any], pack: Pack) -> pl.DataFrame:
    """The map `sources` as plain columns, and `kind` by the configuration's map, then the pack's; '' where none says."""
    kinds = {**pack.kinds, **audit["kinds"]}
    named = pl.coalesce(
        pl.col("domain").replace_strict(kinds, default=None, return_dtype=pl.String),
        pl.col("dataset").replace_strict(kinds, default=None, return_dtype=pl.String),
        pl.lit(""),
    )
    return frame.with_columns(*_named_sources(frame["sources"], names), kind=named).drop("sources")


def as_map(sources: Any) -> dict[str, str]:
    """A value of the column `sources` (an Arrow map, which Polars gives as a list of keys and values) -> key -> value."""
    return {e["key"]: e["value"] for e in sources} if isinstance(sources, list) else dict(sources)


def _named_sources(sources: pl.Series, names: Sequence[str]) -> list[pl.Series]:
    if not names:
        return []
    maps = [as_map(m) for m in sources.to_list()]
    return [pl.Series(name, [m.get(name, "") for m in maps], dtype=pl.String) for name in names]


def _shard_rates(audit: Mapping[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "shard_id": [s["shard_id"] for s in audit["shards"]],
            "shard_probability": [s["shard_probability"] for s in audit["shards"]],
        },
        schema={"shard_id": pl.String, "shard_probability": pl.Float64},
    )
