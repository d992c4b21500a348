"""Opened documents -> passages (start, end, text, content, n_words): about 80 to 180 words, whole paragraphs where they fit.

Cutting at the last sentence or line end before a window's end is ten times cheaper than splitting into sentences first.
Every character that is not white space is in exactly one passage.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pyarrow as pa

from corpus_tools.config import PassageConfig
from corpus_tools.sampling import content_hash
from corpus_tools.tables import PASSAGES

_PARAGRAPH_ENDS = ("\n\n", "\n\r\n")
_SENTENCE_ENDS = (". ", ".\n", "? ", "! ", '." ', ".” ", ".) ", "。", "！", "？")


def split(text: str, sizes: PassageConfig) -> Iterator[tuple[int, int]]:
    """Text -> (start, end) of each passage, in characters, without white space at either edge; none for a text without words."""
    at, length = 0, len(text)
    while True:
        at = _skip_space(text, at)
        if at >= length:
            return
        end = _cut(text, at, length, sizes)
        stop = end
        while text[stop - 1].isspace():
            stop -= 1
        yield at, stop
        at = end


def _skip_space(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _cut(text: str, start: int, length: int, sizes: PassageConfig) -> int:
    """Where the passage that begins at `start` ends; always beyond `start`."""
    # The first paragraph's end after `least`.
    breaks = [text.find(mark, start + sizes.least, start + sizes.paragraph + len(mark)) for mark in _PARAGRAPH_ENDS]
    found = [at for at in breaks if at >= 0]
    if found:
        return min(found)
    left = length - start
    if left <= sizes.paragraph:
        return length
    # What is left after this cut should not be a stump: halve a remainder of less than two passages.
    most = min(sizes.most, max(sizes.least + 50, left // 2 + 50)) if left < 2 * sizes.most else sizes.most
    least = start + sizes.least // 2
    most = start + most
    end = max(text.rfind(mark, least, most) + len(mark) for mark in _SENTENCE_ENDS)
    if end > least:
        return end
    line = text.rfind("\n", least, most)
    if line > start:
        return line
    space = text.rfind(" ", least, most)
    return space if space > start else most


_PASSAGES = {
    "document_id": pl.String, "document_stratum": pl.String, "unscored": pl.Boolean, "start": pl.Int64, "end": pl.Int64,
    "text": pl.String, "content": pl.String, "n_words": pl.Int32,
}  # fmt: skip


def split_documents(documents: pl.DataFrame, sizes: PassageConfig) -> pl.DataFrame:
    """Opened documents (document_id, text, stratum, unscored) -> passages (+ passage_id, start, end, text, content, n_words)."""
    rows = []
    for document_id, text, stratum, unscored in documents.select(
        "document_id", "text", "stratum", "unscored"
    ).iter_rows():
        for start, end in split(text, sizes):
            passage = text[start:end]
            rows.append(
                (document_id, stratum, unscored, start, end, passage, content_hash(passage), count_words(passage))
            )
    frame = pl.DataFrame(rows, schema=_PASSAGES, orient="row")
    return frame.with_columns(passage_id=pl.col("document_id") + ":" + pl.col("start").cast(pl.String))


def count_words(text: str) -> int:
    """Words: runs of bytes that are not ASCII white space, as everywhere."""
    return len(text.encode().split())


def count_passages(documents: pl.DataFrame, passages: pl.DataFrame) -> pl.DataFrame:
    """Opened documents and their passages -> documents (+ hit_passages, near_passages, sampled_passages)."""
    counts = passages.group_by("document_id").agg(
        (pl.col("stratum") == stratum).sum().cast(pl.Int32).alias(f"{stratum}_passages")
        for stratum in ("hit", "near", "sampled")
    )
    return documents.join(counts, on="document_id", how="left", maintain_order="left").with_columns(
        pl.col("hit_passages", "near_passages", "sampled_passages").fill_null(0)
    )


EXCERPT = 240
"""Characters of a candidate's text that are kept where the configuration says `excerpt`."""


def to_table(passages: pl.DataFrame, keep: str) -> pa.Table:
    """Passages -> the table that is stored: text of candidates only, `full`, `excerpt` or `none`."""
    text = {"full": pl.col("text"), "excerpt": pl.col("text").str.slice(0, EXCERPT), "none": pl.lit(None, pl.String)}[
        keep
    ]
    kept = passages.with_columns(text=pl.when("drawn").then(text)).select(PASSAGES.names)
    return kept.to_arrow().cast(PASSAGES)
