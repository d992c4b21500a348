"""Passages of an audit -> its survey: rows that were drawn and scored, gathered by content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus_tools.estimate.codes import codes_of, document_codes, grouped, reduced, source_codes, source_names
from corpus_tools.estimate.frames import PROBABILITIES, key, probabilities, require
from corpus_tools.estimate.pairs import Drawn, Grouped, Population, clusters, pairs_of
from corpus_tools.estimate.survey import HIT, NEAR, SAMPLED, Bools, Classes, Floats, Ints, Sharded, Survey


def survey(
    passages: pl.DataFrame,
    score_columns: Sequence[str],
    dimensions: Sequence[tuple[str, str]] = (),
    home: Sequence[str] = (),
    also: Sequence[pl.DataFrame] = (),
    shards: Mapping[str, tuple[int, int]] | None = None,
) -> Survey:
    """passages (content, stratum, the three probabilities, drawn, unscored, n_words, scores, source columns) -> Survey.

    Missing columns are filled: document_id and document_content by the row, stratum by `hit`, probabilities by 1,
    drawn by true, unscored, late and arrived by false, n_words by 1. Sources that only `also` (tallies, totals) knows get a place too.
    Raises Stop where a probability is not in (0, 1].
    """
    require(passages, ("content", *score_columns), "passages")
    frame = probabilities(passages, PROBABILITIES, "passages")
    rows = _rows(frame)
    open_row, screen_row, shard_row = (
        rows[c].to_numpy() for c in ("open_probability", "screen_probability", "shard_probability")
    )
    gate_row, key_row, words_row = (rows[c].to_numpy() for c in ("gate", "content", "n_words"))
    drawn_row, scored_row = rows["drawn"].to_numpy(), ~rows["unscored"].to_numpy()
    # Without a stratum that the gate left out, there is nothing for it to miss: the opened documents are a sample
    # like any other.
    complete_open = bool((open_row == 1).all()) or not bool((gate_row == SAMPLED).any())

    known_score = frame[score_columns[0]].is_not_null().to_numpy() if score_columns else True
    drawn = np.flatnonzero(drawn_row & scored_row & known_score)
    order, at = grouped(key_row[drawn])
    drawn, starts = drawn[order], np.flatnonzero(np.diff(at, prepend=-1))
    one, size = drawn[starts], len(starts)  # of several copies the first
    gate_drawn, open_drawn, screen_drawn = gate_row[drawn], open_row[drawn], screen_row[drawn]
    gate = reduced(np.minimum, gate_drawn, starts)
    seen_row = np.ones(len(at), bool) if complete_open else gate_drawn != SAMPLED
    design_q = reduced(np.minimum, screen_drawn, starts)

    def in_documents(which: Ints) -> tuple[Grouped, Floats]:
        of = codes_of(rows["document_content"].gather(drawn[which]))
        rates = np.ones(int(of.max(initial=-1)) + 1)
        rates[of] = open_drawn[which]
        return Grouped(which, of), rates

    opened, open_rates = in_documents(np.flatnonzero((open_drawn < 1) & (gate_drawn != SAMPLED)))
    rest, rest_rates = in_documents(np.flatnonzero(~seen_row))
    of_shards = np.flatnonzero((shard_row[drawn] < 1) & seen_row)
    sharded, shard = _sharded(frame, drawn[of_shards], shards or {})
    candidates = Drawn(
        row=drawn,
        content=at,
        size=size,
        weight=1 / (shard_row[drawn] * open_drawn * screen_drawn),
        seen=seen_row,
        opened=opened,
        sharded=Grouped(of_shards, shard),
    )

    subject = np.flatnonzero((screen_row < 1) & scored_row & (complete_open | (gate_row != SAMPLED)))
    order, subject_content = grouped(key_row[subject])
    subject = subject[order]
    class_row, class_near, class_q = _classes(gate_row[subject] == NEAR, screen_row[subject])
    of_row = np.full(len(key_row), -1, np.int16)
    of_row[subject] = class_row
    content_class = reduced(np.maximum, of_row[drawn], starts)
    del of_row
    population = Population(
        row=subject,
        known=bool((~drawn_row[subject]).any()) if len(subject) else True,
        n_classes=len(class_q),
        content=subject_content,
        table=pl.DataFrame(
            {
                "w_open": 1 / (shard_row[subject] * open_row[subject]),
                "q": screen_row[subject],
                "n_words": words_row[subject].astype(np.float64),
                "near": gate_row[subject] == NEAR,
                "g": class_row,
            }
        ),
    )

    home = [h for h in home if h in frame.columns]
    homes = source_names([frame], home) if home else pl.DataFrame({"code": [0]})
    home_first = reduced(np.minimum, source_codes(frame, home, homes)[drawn], starts)

    hit_row = gate_row == HIT
    hits = np.bincount(rows["document"].to_numpy(), hit_row)  # of each document
    hit_drawn = hit_row[drawn]
    copies = reduced(np.add, hit_drawn.astype(np.int32), starts)
    lone = hit_drawn & (hits == 1)[rows["document"].to_numpy()[drawn]]
    alone = reduced(np.add, lone.astype(np.int32), starts) / np.maximum(copies, 1)
    return Survey(
        keys=key_row[one],
        gate=gate,
        n_words=words_row[one].astype(np.float64),
        q=design_q,
        open_probability=open_row[one],
        home=home_first,
        scores=frame.select(score_columns),
        row=one.astype(np.uint32),
        corpus=pairs_of(("", ""), frame, also, candidates, population),
        pairs={d: pairs_of(d, frame, also, candidates, population) for d in dimensions},
        alone=alone,
        complete_open=complete_open,
        classes=Classes(class_near, class_q, content_class),
        shard_probability=shard_row[one],
        sharded=sharded,
        open_rates=open_rates,
        rest=clusters(rest, at, candidates.weight),
        rest_rates=rest_rates,
        late=_everywhere(rows, "late", candidates),
        arrived=_everywhere(rows, "arrived", candidates),
    )


def _everywhere(rows: pl.DataFrame, column: str, drawn: Drawn) -> Bools:
    """[C] whether a column, where there is one, is true of every copy that was drawn."""
    if column not in rows.columns:
        return np.zeros(drawn.size, bool)
    out = np.ones(drawn.size, bool)
    out[drawn.content[~rows[column].to_numpy()[drawn.row]]] = False
    return out


def _rows(frame: pl.DataFrame) -> pl.DataFrame:
    """The columns that the design rests on, keys in place of texts; absent ones filled, but for `late` and `arrived`."""
    there = set(frame.columns)
    content = next((c for c in ("document_content", "document_id") if c in there), "content")
    codes = {"hit": HIT, "near": NEAR, "sampled": SAMPLED}
    return frame.select(
        "open_probability",
        "screen_probability",
        "shard_probability",
        *(pl.col(c) for c in ("late", "arrived") if c in there),
        content=key(frame["content"]),
        document=pl.Series(document_codes(key(frame["document_id"])))
        if "document_id" in there
        else pl.int_range(pl.len(), dtype=pl.Int32),
        document_content=key(frame[content]),
        gate=pl.col("stratum").replace_strict(codes, return_dtype=pl.Int8)
        if "stratum" in there
        else pl.repeat(HIT, pl.len(), dtype=pl.Int8),
        drawn=pl.col("drawn") if "drawn" in there else pl.repeat(True, pl.len()),
        unscored=pl.col("unscored") if "unscored" in there else pl.repeat(False, pl.len()),
        n_words=pl.col("n_words") if "n_words" in there else pl.repeat(1, pl.len()),
    )


FINENESS = 4  # classes of rate per factor of two: rates that a configuration names fall into classes of their own


def _classes(near: Bools, q: Floats) -> tuple[NDArray[np.int16], Bools, Floats]:
    """[rows] that the screen draws from -> class of stratum and rate of each, the higher the lower its rate; per class
    whether its stratum is near, and its least rate."""
    kind = np.floor(-FINENESS * np.log2(q) + 1e-9).astype(np.int64)
    kind *= 2
    kind += near
    there = np.bincount(kind) > 0
    kinds = np.flatnonzero(there)
    of = (np.cumsum(there) - 1).astype(np.int16)[kind] if len(kind) else np.zeros(0, np.int16)
    least = np.ones(len(kinds))
    np.minimum.at(least, of, q)
    return of, kinds % 2 == 1, least


def _sharded(
    frame: pl.DataFrame, rows: Ints, shards: Mapping[str, tuple[int, int]]
) -> tuple[Sharded | None, NDArray[np.int32]]:
    """Design rows of sampled shards -> their data sets (None without rows), and the number of the shard of each row.
    `shards`: data set -> shards scanned, shards there are."""
    if not len(rows):
        return None, np.zeros(0, np.int32)
    known = "shard_id" in frame.columns
    part = frame.select(c for c in ("dataset", "shard_id", "shard_probability") if c in frame.columns)[rows]
    of_row, names = _coded(part, "dataset")
    shard_row, shard_ids = _coded(part, "shard_id")
    number = of_row * np.int64(len(shard_ids)) + shard_row
    there = np.flatnonzero(np.bincount(number))  # a shard of each data set
    dataset = (there // len(shard_ids)).astype(np.int32)
    fraction = np.zeros(len(names))
    fraction[of_row] = part["shard_probability"].to_numpy()
    seen = np.bincount(dataset, minlength=len(names)).tolist()
    scanned = [max(n, shards.get(name, (n, 0))[0]) for n, name in zip(seen, names, strict=True)]
    shard = np.searchsorted(there, number).astype(np.int32)
    return Sharded(dataset, np.array(scanned, np.float64), fraction, known), shard


def _coded(rows: pl.DataFrame, column: str) -> tuple[NDArray[np.int32], list[str]]:
    """The code of each row's value in a column, and the values in order of their codes; one value where there is no such column."""
    if column not in rows.columns:
        return np.zeros(rows.height, np.int32), [""]
    known = source_names([rows], [column])
    return source_codes(rows, [column], known), known[column].to_list()
