"""How many labels an interval would cost, and which passages to label: rates by cell for a round, all above 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus_tools.errors import Stop
from corpus_tools.estimate.cells import prior_shift
from corpus_tools.estimate.frames import PROBABILITIES, as_polars, probabilities, require
from corpus_tools.estimate.survey import Floats

_ORDER = ("hit", "near", "sampled")
REJECTED = 0.15  # share of the labels that go to sampled text, beyond those spread evenly
SCORE_EDGES = (0.01, 0.03, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.97)


@dataclass(frozen=True)
class Allocation:
    """A round's rule. `rates`: one row per cell (cell, stratum, score_low, score_high, copies_low, source_class,
    rate, contents, expected). `candidates`: the candidates with `cell` and `rate`; a content's probability is the
    highest rate among its candidates."""

    rates: pl.DataFrame
    candidates: pl.DataFrame

    @property
    def expected(self) -> float:
        """Labels to expect; the number that is drawn is random."""
        return float(self.rates["expected"].sum())

    def probabilities(self) -> pl.DataFrame:
        """content -> probability, cell."""
        best = self.candidates.sort("content", "rate", "cell", descending=[False, True, False])
        return best.unique("content", keep="first", maintain_order=True).select(
            "content", "cell", pl.col("rate").alias("probability")
        )


def allocate(
    candidates: object,
    size: int,
    *,
    score: str,
    trained_at: float = 0.2,
    flat: float = 0.1,
    source_class: str | None = None,
) -> Allocation:
    """candidates (content, stratum, score column, optional probabilities; drawn and scored rows only) -> rates for
    about `size` labels.

    Neyman (1934): the rate grows with a content's weight and with the spread of its label, sqrt(m (1 - m)), m the
    cell's mean score after a prior shift; at least a quarter (half, without a term) of the stratum's mean spread.
    Copies class (powers of two) is part of the cell, so that contents in many places are looked at first. A share
    `flat` of the labels is spread evenly over all contents: what guards against positives that score like negatives.
    At most a share REJECTED goes to sampled text beyond that: labels there bound what the gate misses only loosely,
    however many. `source_class`: a column whose values get equal shares of the rest (small classes whole, if it comes
    to that). All rates are above 0. `size` of at least the number of contents is a complete round: every rate is 1.
    """
    frame = as_polars(candidates, "candidates")
    require(frame, ("content", "stratum", score), "candidates")
    frame = probabilities(frame, PROBABILITIES, "candidates").filter(pl.col(score).is_not_null())
    if size <= 0 or not frame.height:
        raise Stop(
            f"{size} labels of {frame.height} candidates",
            where="label round",
            expected="at least one label and one scored candidate",
            todo="Ask for more, or scan first",
        )
    klass = pl.col(source_class).cast(pl.String).fill_null("") if source_class else pl.lit("")
    weight = 1 / (pl.col("shard_probability") * pl.col("open_probability") * pl.col("screen_probability"))
    frame = frame.with_columns(
        _w=weight.sum().over("content"),
        _copies=pl.len().over("content").log(2).floor().cast(pl.Int32),
        _bin=pl.Series(np.digitize(frame[score].cast(pl.Float64).round(2).to_numpy(), SCORE_EDGES)).cast(pl.Int32),
        source_class=klass,
    )
    contents = frame.sort("content", "stratum", "source_class").unique("content", keep="first", maintain_order=True)
    total = contents.height
    shifted = np.zeros(total)
    raw = contents[score].to_numpy().astype(float)
    hits = 0.0
    for stratum in sorted(contents["stratum"].unique(), key=_ORDER.index):
        here = np.flatnonzero((contents["stratum"] == stratum).to_numpy())
        if stratum == "hit" or not hits:
            values, entry, _ = prior_shift(np.zeros(len(here), np.int64), raw[here], trained_at)
            shifted[here] = values[entry]
            hits = float((shifted * contents["_w"].to_numpy())[here].sum())
        else:  # EM overstates a rare stratum: as many as a gate of recall 0.8 would leave
            assumed = min(0.25 * hits / float(contents["_w"].to_numpy()[here].sum()), 0.5)
            odds = (
                assumed / (1 - assumed) * raw[here] / np.maximum(1 - raw[here], 1e-4) / (trained_at / (1 - trained_at))
            )
            shifted[here] = odds / (1 + odds)
    key = ["stratum", "_bin", "_copies", "source_class"]
    cells = (
        contents.with_columns(_m=pl.Series(shifted))
        .group_by(key)
        .agg(pl.len().alias("contents"), pl.col("_w").pow(2).mean().sqrt().alias("_rms"), pl.col("_m").mean())
        .with_columns(_v=(pl.col("_m") * (1 - pl.col("_m"))).sqrt())
        .with_columns(
            _floor=pl.when(pl.col("stratum") == "hit").then(0.25).otherwise(0.6)
            * (pl.col("_v") * pl.col("contents")).sum().over("stratum")
            / pl.col("contents").sum().over("stratum")
        )
        .sort(key)
    )
    need = cells["_rms"].to_numpy() * np.maximum(cells["_v"].to_numpy(), cells["_floor"].to_numpy())
    n = cells["contents"].to_numpy().astype(float)
    even = min(flat * size / total, 1.0)
    rate = np.ones(len(n))
    if size < total:
        classes = np.unique(cells["source_class"].to_numpy(), return_inverse=True)[1]
        rest = (cells["stratum"] == "sampled").to_numpy()
        if rest.any() and not rest.all():
            budget = size * REJECTED
            rate[rest] = _solve(need[rest], n[rest], classes[rest] * 0, budget, min(even, 1.0))
            rate[~rest] = _solve(need[~rest], n[~rest], classes[~rest], size - float((rate * n)[rest].sum()), even)
        else:
            rate = _solve(need, n, classes, size, even)
    cells = cells.with_columns(
        rate=pl.Series(rate),
        expected=pl.Series(rate * n),
        score_low=pl.Series([0.0, *SCORE_EDGES]).gather(cells["_bin"]),
        score_high=pl.Series([*SCORE_EDGES, 1.0]).gather(cells["_bin"]),
        copies_low=2 ** cells["_copies"],
        cell=pl.format("{}|{}|{}|{}", *[pl.col(k).cast(pl.String) for k in key]),
    )
    frame = frame.join(cells.select(*key, "cell", "rate"), on=key, how="left", maintain_order="left")
    missing = frame["rate"].is_null()
    if missing.any():  # a content whose other copies lie in a cell of their own: the rate of the content's first cell
        first = contents.join(cells.select(*key, "rate", "cell"), on=key).select("content", r="rate", c="cell")
        frame = frame.join(first, on="content", how="left", maintain_order="left").with_columns(
            rate=pl.coalesce("rate", "r"), cell=pl.coalesce("cell", "c")
        )
    return Allocation(
        rates=cells.select(
            "cell", "stratum", "score_low", "score_high", "copies_low", "source_class", "rate", "contents", "expected"
        ),
        candidates=frame.drop([c for c in frame.columns if c.startswith("_") or c in ("r", "c")]),
    )


def by_rule(
    candidates: object,
    cells: Sequence[Mapping[str, Any]],
    *,
    score: str,
    source_class: str | None = None,
) -> Allocation:
    """Candidates that `allocate` did not see -> the rates that its `cells` (rows of Allocation.rates) give them: a round's top-up.

    Copies are counted among these candidates alone, so that what was drawn before keeps its cell. A cell that the rule does not
    have takes the rate of the nearest that it has: of the same stratum, then by score, source class and copies; the higher rate
    of two as near. Nothing is fitted: all rates were fixed before.
    """
    frame = as_polars(candidates, "candidates")
    require(frame, ("content", "stratum", score), "candidates")
    frame = frame.filter(pl.col(score).is_not_null()).with_columns(
        _copies=pl.len().over("content").log(2).floor().cast(pl.Int32),
        _bin=pl.Series(
            np.digitize(
                frame.filter(pl.col(score).is_not_null())[score].cast(pl.Float64).round(2).to_numpy(), SCORE_EDGES
            )
        ),
        source_class=pl.col(source_class).cast(pl.String).fill_null("") if source_class else pl.lit(""),
    )
    known = [
        (
            c["stratum"],
            int(np.digitize(c["score_low"], SCORE_EDGES)),
            c["source_class"],
            int(np.log2(c["copies_low"])),
            c["rate"],
            c["cell"],
        )
        for c in cells
    ]
    rows = []
    for stratum, at, klass, copies in (
        frame.select("stratum", "_bin", "source_class", "_copies").unique().sort(pl.all()).iter_rows()
    ):
        near = min(
            known, key=lambda k: (k[0] != stratum, abs(k[1] - at), k[2] != klass, abs(k[3] - copies), -k[4], k[5])
        )
        rows.append((stratum, at, klass, copies, near[4], near[5]))
    kinds = frame.select("stratum", "_bin", "source_class", "_copies").schema
    rates = pl.DataFrame(rows, schema={**kinds, "rate": pl.Float64, "cell": pl.String}, orient="row")
    frame = frame.join(rates, on=["stratum", "_bin", "source_class", "_copies"], how="left", maintain_order="left")
    used = frame.unique("content").group_by("cell", "rate").agg(pl.len().alias("contents")).sort("cell")
    return Allocation(
        rates=used.with_columns(expected=pl.col("rate") * pl.col("contents")), candidates=frame.drop("_copies", "_bin")
    )


def _solve(need: Floats, n: Floats, classes: NDArray[np.int64], size: float, even: float) -> Floats:
    """Rates min(1, even + k_class need) with the expected number of labels `size`, the rest split evenly over the
    classes and what a small class cannot use passed on to the others."""
    rate: Floats = np.minimum(np.full(len(n), max(even, 1e-9)), 1.0)
    budget = size - float((rate * n).sum())
    open_classes = list(range(int(classes.max()) + 1))
    while budget > 1e-6 and open_classes:
        per = budget / len(open_classes)
        spent, closed = 0.0, []
        for c in open_classes:
            here = classes == c
            before = float((rate * n)[here].sum())
            room = float(n[here].sum()) - before
            if room <= per:
                rate[here] = 1.0
                closed.append(c)
                spent += room
        if closed:
            budget -= spent
            open_classes = [c for c in open_classes if c not in closed]
            continue
        for c in open_classes:
            here = np.flatnonzero(classes == c)
            low, high = 0.0, 1.0 / max(float(need[here].min()), 1e-300)
            target = float((rate * n)[here].sum()) + per
            for _ in range(80):
                k = (low + high) / 2
                if float((np.minimum(1.0, rate[here] + k * need[here]) * n[here]).sum()) < target:
                    low = k
                else:
                    high = k
            rate[here] = np.minimum(1.0, rate[here] + high * need[here])
        break
    return rate


def labels_needed(half_width: float, now: int, target: float, fixed: float = 0.0) -> int:
    """Labels for a relative half-width `target`, from the `half_width` that `now` labels gave; `fixed` is the part of
    `half_width` that no label narrows (screen draw, gate's misses). The label part falls with the square root of the
    labels. Raises Stop where the target lies below the fixed part: there a larger audit_fraction or screen rate
    helps, not labels."""
    if target <= fixed:
        raise Stop(
            f"a half-width of {target:.0%} is below the {fixed:.0%} that labels cannot narrow",
            where="label plan",
            expected=f"a target above {fixed:.0%}",
            todo="Raise the screen rates or audit_fraction, or ask for a wider interval",
        )
    free = max(half_width**2 - fixed**2, 0.0)
    return max(int(np.ceil(now * free / (target**2 - fixed**2) - 1e-6)), 0)
