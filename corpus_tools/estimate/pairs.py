"""Rows that were drawn, and those that the screen drew them from -> content x source, dimension by dimension."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus_tools.estimate.codes import pair_names, reduced, runs, source_codes, source_names
from corpus_tools.estimate.survey import BASES, UNITS, Bools, Clusters, Floats, Ints, Pairs, sums


@dataclass(frozen=True)
class Grouped:
    """Some of the passages that were drawn, in documents or shards. Arrays."""

    at: Ints  # positions among them
    of: NDArray[np.int32]  # number of the document or shard


@dataclass(frozen=True)
class Drawn:
    """Passages that were drawn and scored, in order of their content. Arrays [R]."""

    row: Ints  # in the frame
    content: NDArray[np.int32]  # position of its content
    size: int  # how many contents
    weight: Floats  # 1 / (shard x open x screen)
    seen: Bools  # in a document that the gate hits; all where every document was opened
    opened: Grouped  # those of documents drawn with a probability below 1 that belong to the design
    sharded: Grouped  # those of sampled shards that belong to it


@dataclass(frozen=True)
class Population:
    """Passages subject to the screen draw, drawn or not, in order of their content: a copied passage that was left out has a
    variance too. Arrays [N]."""

    row: Ints  # in the frame
    known: bool  # those left out are among them
    n_classes: int  # G, classes of stratum and rate
    content: NDArray[np.int32]  # a number per content
    table: pl.DataFrame  # w_open, q, n_words, near, g (its class)


def pairs_of(
    dimension: tuple[str, str],
    frame: pl.DataFrame,
    also: Sequence[pl.DataFrame],
    drawn: Drawn,
    population: Population,
) -> Pairs:
    """A dimension's pairs of content and source. Sources that only `also` (tallies, totals) knows get a place too."""
    named = [d for d in dimension if d]
    known = source_names([frame, *also], named) if named else pl.DataFrame({"code": [0]})
    x_size, code = known.height, source_codes(frame, named, known)
    x = code[drawn.row]
    order, starts = runs(drawn.content, x)

    def total(weight: Floats | None, rows: Bools) -> NDArray[Any]:
        if not rows.any():
            return np.zeros(len(starts), np.int32 if weight is None else np.float64)
        values = rows.astype(np.int32) if weight is None else np.where(rows, weight, 0.0)
        return reduced(np.add, values[order], starts)

    near = population.table["near"].to_numpy()
    of_population = code[population.row]
    sizes = x_size, population.n_classes
    screened, near_square = _screened(
        population.table.filter(near), population.content[near], of_population[near], sizes, population.known
    )
    rest = population.table.filter(~near)
    _, square = _screened(rest, population.content[~near], of_population[~near], sizes, population.known)
    for key in square:
        square[key] += near_square.pop(key)  # classes of their own: nothing meets
    return Pairs(
        dimension=dimension,
        names=pair_names(known, named),
        content=drawn.content[order[starts]],
        source=x[order[starts]],
        w_seen=total(drawn.weight, drawn.seen),
        n_seen=total(None, drawn.seen),
        w_rest=total(drawn.weight, ~drawn.seen),
        n_rest=total(None, ~drawn.seen),
        n_scored=sums(x, size=x_size),
        screened=screened,
        square=square,
        opened=clusters(drawn.opened, drawn.content, drawn.weight, x),
        sharded=clusters(drawn.sharded, drawn.content, drawn.weight, x),
    )


def clusters(
    rows: Grouped, content: NDArray[np.int32], weight: Floats, source: NDArray[np.int32] | None = None
) -> Clusters:
    """Rows of drawn passages [R] in documents or shards -> the same source by source; `source` None: all together."""
    content, weight = content[rows.at], weight[rows.at]
    x = np.zeros(len(rows.at), np.int32) if source is None else source[rows.at]
    order = np.lexsort((content, x, rows.of))
    of, x, content = rows.of[order], x[order], content[order]
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(of) != 0) | (np.diff(x) != 0)
    each = new.copy()
    each[1:] |= np.diff(content) != 0
    starts = np.flatnonzero(each)
    first = np.flatnonzero(new)
    return Clusters(
        of=of[first],
        source=x[first],
        start=np.flatnonzero(new[starts]),
        content=content[starts],
        weight=reduced(np.add, weight[order], starts),
        copies=np.diff(starts, append=len(order)).astype(np.int32),
    )


def _screened(
    population: pl.DataFrame,
    content: NDArray[np.int32],
    code: NDArray[np.int32],
    size_classes: tuple[int, int],
    all_rows: bool,
) -> tuple[dict[tuple[str, str], Floats], dict[tuple[str, str], Floats]]:
    """Per source: size of what the screen draws from [X], and by class of rate [X, G] the sum over contents of (weight of
    all copies)^2 (1 - q) / q. Where only drawn rows are there (not `all_rows`), each stands for 1 / q of them."""
    x_size, g_size = size_classes
    order, starts = runs(content, code)

    def each_content(how: np.ufunc, column: str) -> NDArray[Any]:
        return reduced(how, population[column].to_numpy()[order], starts)

    x = code[order[starts]]
    key = x.astype(np.int64) * g_size
    key += each_content(np.maximum, "g")
    q, w_open = each_content(np.minimum, "q"), each_content(np.add, "w_open")
    n_words = population["n_words"].to_numpy()[order[starts]]
    n = np.diff(starts, append=len(order))
    size: dict[tuple[str, str], Floats] = {}
    square: dict[tuple[str, str], Floats] = {}
    for basis in BASES:
        w = w_open / (n if basis == "distinct" else 1)
        for unit in UNITS:
            u = w * n_words if unit == "words" else w
            each = u if all_rows else u / q
            size[unit, basis] = sums(x, each, size=x_size)
            square[unit, basis] = sums(key, u * each * (1 - q) / q, size=x_size * g_size).reshape(x_size, g_size)
    return size, square
