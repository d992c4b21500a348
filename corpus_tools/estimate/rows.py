"""Counts of a label -> rows of measures: counts, shares, ranks, comparisons with another label, drift."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from corpus_tools.estimate import measures as m
from corpus_tools.estimate.intervals import q_values
from corpus_tools.estimate.reckon import Counts, Key, Reckoning
from corpus_tools.estimate.survey import BASES, UNITS, WHOLE, Floats, Place
from corpus_tools.estimate.totals import Totals
from corpus_tools.estimate.writer import Writer

FIRST = ("passages", "exposure")  # unit and basis of balances and outcomes


def write_counts(writer: Writer, p: Place, label: str, counts: Mapping[Key, Counts]) -> None:
    """count, by unit and basis."""
    for unit in UNITS:
        for basis in BASES:
            c = counts[p.dimension, unit, basis]
            writer.measure(p, unit, basis, label, "count", m.Measure(c.value, c.low, c.high), c, "weighted count")


def write_attribution(
    writer: Writer,
    p: Place,
    label: str,
    counts: Mapping[Key, Counts],
    totals: Mapping[tuple[str, str], Totals],
    exposure: Mapping[str, float] | None,
    seed: int | None,
) -> None:
    """count, share, exposure_share; where some source has an interval also lift, rank, shrunk and (with a seed)
    concentration."""
    for unit in UNITS:
        basis = "exposure"
        c, whole = counts[p.dimension, unit, basis], counts[WHOLE.dimension, unit, basis]
        shares = m.share(c.value, c.variance, float(whole.value[0]), float(whole.variance[0]))
        writer.measure(p, unit, basis, label, "count", m.Measure(c.value, c.low, c.high), c, "weighted count")
        writer.measure(p, unit, basis, label, "share", shares, c, "part of all, log odds")
        if exposure and p.dimension == ("dataset", ""):
            epochs = np.array([exposure.get(n[0], 1.0) for n in p.names])
            fed, variance = c.value * epochs, c.variance * epochs**2
            x = m.share(fed, variance, float(fed.sum()), float(variance.sum()))
            writer.measure(p, unit, basis, label, "exposure_share", x, c, "part of all, by epochs")
        if unit != "passages" or not (c.calibrated | c.pooled).any():
            continue
        total = totals[unit, basis].scored
        writer.measure(p, unit, basis, label, "lift", m.lift(shares, total), c, "share of positives over share of text")
        writer.measure(
            p, unit, basis, label, "rank", m.rank(c.value, c.variance, total, c.one_sided), c, "joint interval"
        )
        writer.measure(p, unit, basis, label, "shrunk", m.shrunk(c.value, c.variance, total), c, "gamma-Poisson")
        if seed is not None:
            here = Place(p.dimension, [("all", "")])
            for name, (value, low, high) in m.concentration(c.value, c.variance, seed=seed).items():
                x = m.Measure(np.array([value]), np.array([low]), np.array([high]))
                writer.measure(here, unit, basis, label, "concentration", x, None, "over sources, Monte Carlo", name)


def write_comparison(
    writer: Writer,
    p: Place,
    measure: str,
    a: str,
    b: str,
    counts_a: Mapping[Key, Counts],
    counts_b: Mapping[Key, Counts],
    how: Callable[[Floats, Floats, Floats, Floats], m.Measure],
) -> None:
    """One label against another (`measure`: balance or outcome), in every source; `how`: of values and variances."""
    ca, cb = counts_a[(p.dimension, *FIRST)], counts_b[(p.dimension, *FIRST)]
    x = how(ca.value, ca.variance, cb.value, cb.variance)
    yes = (ca.calibrated | ca.pooled) & (cb.calibrated | cb.pooled)
    weaker = replace(ca, calibrated=ca.calibrated & cb.calibrated, pooled=yes & ~(ca.calibrated & cb.calibrated))
    writer.measure(p, "passages", "exposure", a, measure, x, weaker, "delta method on the log scale", b)


def write_drifts(
    writer: Writer,
    corpus: Place,
    reckoning: Reckoning,
    labels: Sequence[str],
    headline: str,
    done: Mapping[str, Mapping[Key, Counts]],
) -> list[str]:
    """Rows of `drift`, and a sentence for each kind that is noticed."""
    methods = {
        "scores": "mean logit score of hit passages, later shards less first; Welch's test, sources as clusters",
        "labels": "log of labelled over expected positives, later shards less first; exact binomial",
    }
    notes = []
    for kind, method in methods.items():
        found = {k: drifts[kind] for k in labels if kind in (drifts := reckoning.drifts.get(k, {}))}
        q = q_values(np.array([d.p for d in found.values()]))
        for (name, d), q_value in zip(found.items(), q, strict=True):
            x = m.Measure(np.array([d.value]), np.array([d.low]), np.array([d.high]), np.array([q_value]))
            c = done[name][WHOLE.dimension, "passages", "exposure"]
            writer.measure(corpus, "passages", "exposure", name, "drift", x, c, method, kind)
        noticed = [k for (k, d), v in zip(found.items(), q, strict=True) if d.noticed and (k == headline or v < 0.05)]
        if noticed:
            d = found[noticed[0] if headline not in noticed else headline]
            notes.append(
                f"drift: {kind} of the later shards differ from the first ones' ({', '.join(noticed)}; "
                f"{d.value:+.2f} on the {'logit' if kind == 'scores' else 'log'} scale, {d.low:+.2f} to {d.high:+.2f})"
            )
    return notes
