"""The headline in a sentence, what stands out, and what to do where there is no measurement yet."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from corpus_tools.estimate.reckon import LABELS_FOR_CORPUS, SHARDS
from corpus_tools.numbers import between, number, percent
from corpus_tools.report.figures import Figures
from corpus_tools.report.formats import finalized, name, one_in, source

ABOVE = 0.05
"""False-discovery rate at which a source is said to lie above the corpus."""


def sentence(shown: Figures) -> dict[str, Any]:
    """The headline's row, and which sentence it takes: measured, bounded, unmeasured."""
    row = shown.headline
    measured = row.get("ci_high") is not None and row.get("status") != "uncalibrated"
    kind = "unmeasured" if not measured else "bounded" if row.get("bound") == "upper" else "measured"
    said = shown.pack.descriptions.get(shown.audit["headline"], "")
    return {**row, "kind": kind, "said": said, "one_in": one_in(row.get("prevalence")) if kind == "measured" else ""}


def steps(shown: Figures) -> list[Markup]:
    """What to do for an interval of the corpus; nothing where there is one."""
    if sentence(shown)["kind"] != "unmeasured":
        return []
    root = f"--root {shown.folder or '.'}"
    labelled = shown.headline.get("n_labelled") or 0
    wanted = f"{LABELS_FOR_CORPUS} labels or more"
    if (shown.headline.get("n_scored") or 0) < LABELS_FOR_CORPUS:  # all labelled is enough, however few they are
        wanted = f"every passage of it, as there are fewer than {LABELS_FOR_CORPUS}"
    out = []
    for dataset, (taken, there) in sorted(shown.audit["sampled"].items()):
        if taken < there and taken < SHARDS:
            out.append(
                _p(
                    "Read at least {} of the {} shards of {} (so far {}); then run the audit again.",
                    SHARDS,
                    there,
                    dataset,
                    taken,
                )
            )
    if labelled < LABELS_FOR_CORPUS:
        out += [
            _p("Draw passages to label: {}.", _code(f"corpus-audit label sample {root} --size 400")),
            _p("Fill in the file by the codebook: {}; there are {} so far.", wanted, labelled),
            _p(
                "Bring them back: {}.",
                _code(f"corpus-audit label import round-1.jsonl --round round-1 --annotator YOU {root}"),
            ),
        ]
    return out


def found(shown: Figures) -> list[Markup]:
    """What stands out, a sentence each: the richest source, where it is concentrated, the balance, the outcomes, the change."""
    out = []
    for dimension, figure in shown.sources.items():
        rows = [r for r in figure.rows.to_dicts() if r["status"] != "uncalibrated" and r["source"]]
        supplying = [r for r in rows if r["share_high"] is not None]
        if len(rows) < 3 or not supplying:
            continue
        most = max(supplying, key=lambda r: r["share"])
        above = sum(1 for r in rows if r["q_value"] is not None and r["q_value"] < ABOVE)
        out.append(
            _p(
                "Of its words, {} ({}) stand in {} {}, the largest part of any; {} of {} {} lie above the whole.",
                _b(percent(most["share"])), between(most["share_low"], most["share_high"], percent), _the(dimension),
                _b(source(most["source"])), above, figure.rows["sources"][0], _many(dimension),
            )
        )  # fmt: skip
        break
    for row in shown.balance.rows.to_dicts():
        if row["dimension"] == "corpus" and row["high"] is not None:
            told = between(row["low"], row["high"])
            out.append(
                _p("For each passage that is {} there are {} ({}) that are {}.", _i(name(row["against"])),
                   _b(number(row["value"])), told, _i(name(row["label"])))
            )  # fmt: skip
    whole = [r for r in shown.outcomes.rows.to_dicts() if r["dimension"] == "corpus" and r["high"] is not None]
    if whole:
        most = max(whole, key=lambda r: r["value"])
        short = {column: outcome for outcome, column in shown.pack.outcomes.items()}
        said = shown.pack.descriptions.get(most["against"], name(most["against"]))
        out.append(
            _p("Where {}, the outcome is most often {}: {} ({}).", said, _i(name(short.get(most["label"], most["label"]))),
               _b(percent(most["value"])), between(most["low"], most["high"], percent))
        )  # fmt: skip
    return out


def _the(dimension: str) -> str:
    return {"kind": "the kind of source", "dataset": "the data set", "domain": "the domain"}.get(
        dimension, name(dimension)
    )


def _many(dimension: str) -> str:
    return {"kind": "kinds", "dataset": "data sets", "domain": "domains"}.get(dimension, f"values of {name(dimension)}")


def _p(text: str, *parts: object) -> Markup:
    return Markup(text).format(*(finalized(part) for part in parts))


def _b(text: str) -> Markup:
    return _p("<b>{}</b>", text)


def _i(text: str) -> Markup:
    return _p("<em>{}</em>", text)


def _code(text: str) -> Markup:
    return _p("<code>{}</code>", text)
