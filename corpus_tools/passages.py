"""Opened documents -> passages (start, end, text, content, n_words): about 80 to 180 words, whole paragraphs where they fit.

Cutting at the last sentence or line end before a window's end is ten times cheaper than splitting into sentences first.
Every character that is not white space is in exactly one passage.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pyarrow as pa

from corpus_tools.config import PassageConfig
from corpus_tools.tables import PASSAGES
from corpus_tools.texts import Joined, contents, count_words, join

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


def split_documents(documents: pl.DataFrame, sizes: PassageConfig) -> tuple[pl.DataFrame, Joined]:
    """Opened documents (document_id, text, stratum, unscored) -> passages (+ passage_id, start, end, text, content, n_words).

    Their texts come joined beside them, for the gate to look at.
    """
    document: list[int] = []
    starts: list[int] = []
    ends: list[int] = []
    texts: list[str] = []
    for i, text in enumerate(documents["text"]):
        for start, end in split(text, sizes):
            document.append(i)
            starts.append(start)
            ends.append(end)
            texts.append(text[start:end])
    joined = join(pa.array(texts, pa.large_string()))
    frame = documents.select("document_id", "unscored", document_stratum="stratum")[document].with_columns(
        start=pl.Series(starts, dtype=pl.Int64),
        end=pl.Series(ends, dtype=pl.Int64),
        text=pl.Series(texts, dtype=pl.String),
        content=pl.Series(contents(joined), dtype=pl.String),
        n_words=pl.Series(count_words(joined), dtype=pl.Int32),
    )
    return frame.with_columns(passage_id=pl.col("document_id") + ":" + pl.col("start").cast(pl.String)), joined


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
