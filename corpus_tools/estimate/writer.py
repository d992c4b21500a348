"""Blocks of rows -> totals, prevalence and measures, in the order and types of the contract."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from corpus_tools import tables
from corpus_tools.estimate.measures import Measure
from corpus_tools.estimate.reckon import Counts
from corpus_tools.estimate.survey import WHOLE, Bools, Floats, Place
from corpus_tools.estimate.totals import Totals
from corpus_tools.estimate.whole import Whole

NO_DENOMINATOR = "no denominator"
"""Status of a ratio without a value: nothing was found of what it is measured against."""
STATUS = pl.Enum(["calibrated", "pooled", "uncalibrated", NO_DENOMINATOR])


class Blocks:
    """One table as blocks of rows with a common key, in order of the key: what does not change within a block takes no
    memory until it is asked for."""

    def __init__(self, blocks: list[pl.DataFrame], schema: pa.Schema) -> None:
        self.empty = pl.DataFrame(pl.from_arrow(schema.empty_table()))
        key = [c for c in _KEY if c in self.empty.columns]
        by_key: dict[tuple[str, ...], list[pl.DataFrame]] = {}
        for block in blocks:
            by_key.setdefault(block.head(1).select(key).row(0), []).append(block)  # a column asked for would be filled
        self._blocks = [by_key[k] for k in sorted(by_key)]

    def pieces(self, rows: int = 1 << 17) -> Iterator[pl.DataFrame]:
        """The table's rows in pieces of about `rows`, in the order and types of the contract."""
        held: list[pl.DataFrame] = []
        for blocks in self._blocks:
            block = pl.concat([self._typed(b) for b in blocks])
            if not block.select(in_order=pl.struct("source", "source_2").is_sorted())["in_order"][0]:
                block = block.sort("source", "source_2")
            held.append(block)
            if sum(b.height for b in held) >= rows:
                yield pl.concat(held)
                held = []
        if held or not self._blocks:
            yield pl.concat([self.empty, *held])

    def frame(self) -> pl.DataFrame:
        """The whole table."""
        return pl.concat(self.pieces())

    def _typed(self, block: pl.DataFrame) -> pl.DataFrame:
        return block.select(pl.col(c).cast(t, strict=True).alias(c) for c, t in self.empty.schema.items())


_KEY = ("dimension", "dimension_2", "unit", "basis", "label", "measure", "against")


class Writer:
    """Collects rows. `gate`: whether a gate may miss something, which the methods then name."""

    def __init__(self, audit_id: str, gate: bool) -> None:
        self.audit_id = audit_id
        missed = "; seen + missed" if gate else ""
        self.methods = {
            "calibrated": "labels by stratum and score" + missed,
            "pooled": "labels of other sources, own shift by empirical Bayes" + missed,
            "uncalibrated": "sum of scores, prior shifted and held by stratum, not corrected",
            "borrowed": "labels of other sources, too few labelled sources for an interval" + missed,
        }
        self._names: dict[int, tuple[Place, pl.Series, pl.Series | str]] = {}
        self._blocks: dict[str, list[pl.DataFrame]] = {"totals": [], "prevalence": [], "measures": []}

    def _add(self, table: str, p: Place, unit: str, basis: str, **columns: Any) -> None:
        if not p.names:
            return
        if id(p) not in self._names:  # the names of a place are held once
            second = pl.Series([n[1] for n in p.names], dtype=pl.String) if p.dimension[1] else ""
            self._names[id(p)] = (p, pl.Series([n[0] for n in p.names], dtype=pl.String), second)
        _, source, source_2 = self._names[id(p)]
        columns = {
            "audit_id": self.audit_id,
            "dimension": p.dimension[0] or "corpus",
            "source": source,
            "dimension_2": p.dimension[1],
            "source_2": source_2,
            "unit": unit,
            "basis": basis,
            **columns,
        }
        arrays = {c: v for c, v in columns.items() if isinstance(v, pl.Series | np.ndarray)}
        frame = pl.DataFrame(arrays).with_columns(*(pl.lit(v).alias(c) for c, v in columns.items() if c not in arrays))
        self._blocks[table].append(frame.with_columns(pl.col(pl.Float64).fill_nan(None)))

    def totals(self, p: Place, by: Mapping[tuple[str, str], Totals]) -> None:
        """One row per source, unit and basis."""
        for (unit, basis), t in by.items():
            self._add("totals", p, unit, basis, total=t.total, low=t.low, high=t.high, unscored_share=t.unscored_share)

    def prevalence(
        self,
        p: Place,
        unit: str,
        basis: str,
        label: str,
        c: Counts,
        totals: Mapping[tuple[str, str], Totals],
        n_scored: Floats,
        note: str = "",
        uncorrected: str = "",
        read: Counts | None = None,
    ) -> None:
        """Counts over the text that is scored; beside passages, where their totals are known, the documents: `read`
        whole, or an upper bound. `uncorrected`: the method of rows without labels."""
        t = totals[unit, basis]
        value, low, high = _over(c, t)
        common: dict[str, Any] = {
            "label": label,
            "n_scored": n_scored.astype(np.uint32),
            "n_labelled": c.n_labelled.astype(np.uint32),
            "labelled_by": c.labelled_by,
            "status": status(c),
        }
        self._add(
            "prevalence",
            p,
            unit,
            basis,
            prevalence=np.minimum(value, 1),
            ci_low=np.where(c.one_sided, np.where(np.isnan(low), np.nan, 0), np.maximum(low, 0)),
            ci_high=np.minimum(high, 1),
            bound=_bound(high, c.one_sided),
            spread=c.spread,
            method=self._method(c, note, uncorrected),
            **common,
        )
        if unit == "passages" and ("documents", basis) in totals:
            self._documents(p, basis, c, read, totals["documents", basis], common)

    def _documents(
        self, p: Place, basis: str, c: Counts, read: Counts | None, totals: Totals, common: Mapping[str, Any]
    ) -> None:
        """A document's truth is 'any passage'. Without labels of whole documents no more than the passages' bound is known."""
        with np.errstate(divide="ignore", invalid="ignore"):
            most = np.where(totals.scored > 0, c.high / totals.scored, np.nan)
        none = np.full(len(most), np.nan)
        value, low, high = none, np.where(np.isnan(most), np.nan, 0.0), most
        one_sided = np.ones(len(most), bool)
        bound = "at most the passages' upper bound over documents"
        method: pl.Series | str = bound
        if read is not None:
            yes = read.calibrated | read.pooled
            figure, least, up = _over(read, totals)
            value, low, high = np.where(yes, figure, np.nan), np.where(yes, least, low), np.where(yes, up, high)
            one_sided = np.where(yes, read.one_sided, True)
            told = [f"whole documents: {self.methods[k]}" for k in ("calibrated", "pooled")]
            method = _chosen([*told, bound], np.where(read.calibrated, 0, np.where(read.pooled, 1, 2)))
            common = {
                **common,
                "n_labelled": np.where(yes, read.n_labelled, c.n_labelled).astype(np.uint32),
                "labelled_by": _chosen([read.labelled_by, c.labelled_by], np.where(yes, 0, 1)),
                "status": _statuses(np.where(yes, read.calibrated, c.calibrated), np.where(yes, read.pooled, c.pooled)),
            }
        self._add(
            "prevalence",
            p,
            "documents",
            basis,
            prevalence=np.minimum(value, 1),
            ci_low=np.where(one_sided, np.where(np.isnan(low), np.nan, 0), np.maximum(low, 0)),
            ci_high=np.minimum(high, 1),
            bound=_bound(high, one_sided),
            spread=none,
            method=method,
            **common,
        )

    def _method(self, c: Counts, note: str, uncorrected: str) -> pl.Series | str:
        neither = self.methods["borrowed"] if c.corrected else uncorrected or self.methods["uncalibrated"]
        words = [*(self.methods[k] + note for k in ("calibrated", "pooled")), neither + note]
        return _chosen(words, np.where(c.calibrated, 0, np.where(c.pooled, 1, 2)))

    def measure(
        self,
        p: Place,
        unit: str,
        basis: str,
        label: str,
        name: str,
        x: Measure,
        c: Counts | None,
        method: str,
        against: str = "",
    ) -> None:
        """One row per source. Interval and q-value only where `c` (all, if None) is calibrated or pooled; a value that is nan is a
        ratio with nothing to divide by, and its status says so."""
        size = len(x.value)
        yes = np.ones(size, bool) if c is None else c.calibrated | c.pooled
        told = pl.Series(["calibrated"] * size, dtype=STATUS) if c is None else status(c)
        self._add(
            "measures",
            p,
            unit,
            basis,
            label=label,
            measure=name,
            against=against,
            value=x.value,
            low=np.where(yes, x.low, np.nan),
            high=np.where(yes, x.high, np.nan),
            q_value=None if x.q is None else np.where(yes, x.q, np.nan),
            status=told.set(pl.Series(np.isnan(x.value)), NO_DENOMINATOR),
            method=method,
        )

    def parts(self, label: str, unit: str, basis: str, w: Whole) -> None:
        """seen, missed, recall and label_error of the whole corpus."""

        def one(name: str, value: float, low: float, high: float, method: str, against: str = "") -> None:
            x = Measure(np.array([value]), np.array([low]), np.array([high]))
            self.measure(WHOLE, unit, basis, label, name, x, None, method, against)

        one("seen", w.seen.value, w.seen.low, w.seen.high, "design-based, documents that the gate hits")
        if w.gated:
            ways = "capture-recapture of terms within documents, assumed independence and prior"
            one("missed", w.missed.value, w.missed.low, w.missed.high, ways)
            one("missed", w.missed.value, 0.0, w.missed_design, "bound by labelled rejected text alone", "no model")
            one("recall", *w.recall, "seen over seen + missed", "gate")
        for name, (low, high) in w.if_wrong.items():
            way = "interval with cell rates put right: false positives at the lower end, false negatives at the upper"
            one("label_error", w.theta.value, low, high, way, name)
        if w.by_score is not None:
            one("recall", *w.by_score, "seen positives at or above the threshold", "classifier")

    def tables(self) -> dict[str, Blocks]:
        """Totals, prevalence, measures; each sorted by key."""
        schemas = {"totals": tables.TOTALS, "prevalence": tables.PREVALENCE, "measures": tables.MEASURES}
        return {name: Blocks(self._blocks.pop(name), schema) for name, schema in schemas.items()}


def _over(c: Counts, t: Totals) -> tuple[Floats, Floats, Floats]:
    """Counts over totals, with limits. A total's own error, where it is an estimate, widens them: both errors combined
    limit by limit, on the log scale, where a total may be off by a factor (Donner and Zou 2012, Stat. Methods Med.
    Res. 21)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        over = np.where(t.scored > 0, t.scored, np.nan)
        value, low, high = c.value / over, c.low / over, c.high / over
        loose = np.nan_to_num((t.high - t.low) / (2 * t.total))
        far = loose > 0.1
        below = np.where(far & (t.high > t.total), np.log(t.high / t.total), 0.0)
        above = np.where(far & (t.low > 0), np.log(t.total / t.low), 0.0)
        near_low = value - np.hypot(value - low, value * loose)
        near_high = value + np.hypot(high - value, value * loose)
        far_low = np.where((low > 0) & (value > 0), value * np.exp(-np.hypot(np.log(value / low), below)), low)
        far_high = np.where(value > 0, value * np.exp(np.hypot(np.log(high / value), above)), high * np.exp(above))
        return value, np.where(far, far_low, near_low), np.where(far, far_high, near_high)


def status(c: Counts) -> pl.Series:
    """[X] calibrated, pooled or uncalibrated."""
    return _statuses(c.calibrated, c.pooled)


def _statuses(calibrated: Bools, pooled: Bools) -> pl.Series:
    which = np.where(calibrated, 0, np.where(pooled, 1, 2)).astype(np.int64)
    return pl.Series(STATUS.categories).cast(STATUS).gather(which)


def _chosen(words: list[str], which: NDArray[np.int64]) -> pl.Series | str:
    """[X] one of a few texts, each held once."""
    if len({words[i] for i in np.unique(which)}) == 1:
        return words[int(which[0])]
    chosen: pl.Series = pl.Series(words, dtype=pl.Enum(list(dict.fromkeys(words)))).gather(which)
    return chosen


def _bound(high: Floats, one_sided: np.ndarray[Any, np.dtype[np.bool_]]) -> pl.Series:
    which = np.where(np.isnan(high), 2, np.where(one_sided, 1, 0))
    return pl.Series(["two", "upper", None], dtype=pl.Enum(["two", "upper"])).gather(which)
