"""Documents -> which ones the gate hits; passages -> the terms in them; the audit draw of the rest.

One hyperscan call runs over a whole batch of texts joined by a NUL byte, which no phrase can match, so nothing leaks from one
text into the next (a text that itself holds a NUL is merely cut there for the gate).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hyperscan
import numpy as np
import polars as pl
import pyarrow as pa

from corpus_tools.errors import PackError
from corpus_tools.sampling import draw
from corpus_tools.texts import Joined, contents

_GAP = rb"[\s-]{1,4}"  # between the words of a phrase: a line may break there, or a hyphen stand


@dataclass(frozen=True)
class Phrase:
    """One phrase of the lexicon. `(s)` at its end: an s may follow; `*`: any word characters may."""

    text: str
    group: str
    case: bool

    @property
    def term(self) -> str:
        """Its name in tables: without the marks at its end."""
        return self.text.removesuffix("(s)").removesuffix("*")

    @property
    def pattern(self) -> bytes:
        """Its regular expression over bytes, on ASCII word boundaries where it begins or ends with a word character."""
        body = self.term
        words = _GAP.join(re.escape(word.encode()) for word in re.split(r"[\s-]+", body))
        end = b"s?" if self.text.endswith("(s)") else rb"\w*" if self.text.endswith("*") else b""
        left = rb"\b" if body[0].isascii() and body[0].isalnum() else b""
        right = rb"\b" if body[-1].isascii() and body[-1].isalnum() else b""
        return left + words + end + right


def load_lexicon(path: Path) -> list[Phrase]:
    """A pack's lexicon.toml -> its phrases, each once. Raises PackError."""
    try:
        groups: dict[str, dict[str, Any]] = tomllib.loads(path.read_text("utf-8"))["groups"]
        phrases = [
            Phrase(text, group, bool(spec.get("case_sensitive", False)))
            for group, spec in groups.items()
            for text in spec["phrases"]
        ]
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as error:
        raise PackError(
            f"the lexicon cannot be read: {error}", where=str(path), expected="[groups.NAME] with `phrases = [...]`"
        ) from error
    names = [phrase.term.lower() if not phrase.case else phrase.term for phrase in phrases]
    twice = sorted({n for n in names if names.count(n) > 1})
    blank = [p for p in phrases if not p.term.strip() or "\0" in p.text]
    if twice or blank or not phrases:
        raise PackError(
            f"phrases stand twice, or are empty: {', '.join(twice) or blank}",
            where=str(path),
            expected="each phrase once",
        )
    return phrases


def spans(text: str, phrases: Iterable[Phrase]) -> list[tuple[int, int, str]]:
    """Where phrases stand in one text: (start, end, term) in characters, in order, the longer of two that overlap. For showing."""
    found = []
    for phrase in phrases:
        pattern = re.compile(phrase.pattern.decode(), re.ASCII | (0 if phrase.case else re.IGNORECASE))
        found += [(*match.span(), phrase.term) for match in pattern.finditer(text)]
    kept: list[tuple[int, int, str]] = []
    for start, end, term in sorted(found, key=lambda span: (span[0], -span[1])):
        if not kept or start >= kept[-1][1]:
            kept.append((start, end, term))
    return kept


class Gate:
    """The lexicon, compiled. Not to be shared between threads: each scan uses the database's own scratch space."""

    def __init__(self, phrases: list[Phrase]) -> None:
        self.phrases = phrases
        names = sorted({phrase.term for phrase in phrases})
        self._names = pa.array(names, pa.string())
        self._rank = np.array([names.index(phrase.term) for phrase in phrases], np.int64)
        self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        self._database.compile(
            expressions=[phrase.pattern for phrase in phrases],
            ids=list(range(len(phrases))),
            elements=len(phrases),
            flags=[0 if phrase.case else hyperscan.HS_FLAG_CASELESS for phrase in phrases],
        )

    def _matches(self, texts: Joined) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Joined texts -> (index of the text, index of the phrase) of each match."""
        if not len(texts.buffer):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        ends: list[int] = []
        ids: list[int] = []

        def found(phrase: int, _start: int, end: int, _flags: int, _context: object) -> None:
            ends.append(end)
            ids.append(phrase)

        self._database.scan(texts.buffer.data, match_event_handler=found)  # type: ignore[type-var]
        which = np.searchsorted(texts.offsets, np.asarray(ends, np.int64), side="left") - 1
        return which, np.asarray(ids, np.int64)

    def hits(self, texts: Joined) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Joined texts [n] -> whether any phrase is in each [n]."""
        hit = np.zeros(len(texts), dtype=bool)
        hit[self._matches(texts)[0]] = True
        return hit

    def terms(self, texts: Joined) -> pa.Array:
        """Joined texts [n] -> the terms in each, sorted, each once: list<string> [n]."""
        which, phrase = self._matches(texts)
        pairs = np.unique(which * len(self._names) + self._rank[phrase])
        offsets = np.searchsorted(pairs, np.arange(len(texts) + 1) * len(self._names))
        values = self._names.take(pa.array(pairs % len(self._names)))
        return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)

    def mark(self, passages: pl.DataFrame, texts: Joined) -> pl.DataFrame:
        """Passages of opened documents (document_stratum) and their texts -> passages (+ terms, stratum: hit | near | sampled)."""
        hit = pl.col("document_stratum") == "hit"
        return passages.with_columns(terms=pl.Series(self.terms(texts), dtype=pl.List(pl.String))).with_columns(
            stratum=pl.when(hit & (pl.col("terms").list.len() > 0))
            .then(pl.lit("hit"))
            .when(hit)
            .then(pl.lit("near"))
            .otherwise(pl.lit("sampled"))
        )


def audit_draw(
    texts: Joined, candidates: np.ndarray[Any, Any], *, fraction: float, seed: int
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Joined texts [n] and which of them the gate missed [n] -> which of these are opened all the same [n]."""
    rest = np.flatnonzero(candidates)
    opened = np.zeros(len(texts), dtype=bool)
    opened[rest] = draw("audit", contents(texts, rest), seed, fraction)
    return opened
