"""What is wished of an export, and the threshold that follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from corpus_tools.errors import ExportError, UsageError
from corpus_tools.estimate import Removal, Row
from corpus_tools.pack import Pack


@dataclass(frozen=True)
class Wish:
    """What is taken out, at which threshold, and what is weighed anew.

    label: whose scores list a document; '' for the pack's headline. One of threshold (a score), target_removed (a share of
    the label's words) and max_words_lost (a share of the corpus's words), or none: the audit's threshold. weight: of the listed
    documents, 0 takes them out. upweights: label -> (weight, threshold; None: the audit's). uncalibrated: write the list
    although its precision and recall are unknown.
    """

    label: str = ""
    threshold: float | None = None
    target_removed: float | None = None
    max_words_lost: float | None = None
    weight: float = 0.0
    upweights: Mapping[str, tuple[float, float | None]] = field(default_factory=dict)
    uncalibrated: bool = False

    def checked(self, pack: Pack) -> Wish:
        """The wish with its label named. Raises UsageError for what cannot be meant."""
        label = pack.known_label(self.label)
        for name in self.upweights:
            pack.known_label(name)
        ways = {
            "--threshold": self.threshold,
            "--target-removed": self.target_removed,
            "--max-words-lost": self.max_words_lost,
        }
        named = [name for name, value in ways.items() if value is not None]
        if len(named) > 1:
            raise UsageError(
                f"{' and '.join(named)} came together", expected="one of them", todo="Each alone sets the threshold."
            )
        thresholds = [t for t in (self.threshold, *(t for _, t in self.upweights.values())) if t is not None]
        for t in thresholds:
            if not 0 < t <= 1:
                raise UsageError(f"a threshold of {t:g}", expected="a score above 0 and at most 1")
        for name in ("--target-removed", "--max-words-lost"):
            value = ways[name]
            if value is not None and not 0 < value < 1:
                raise UsageError(f"{name} is {value:.4%}", expected="a share above 0 % and below 100 %")
        if not 0 <= self.weight < 1:
            raise UsageError(
                f"a weight of {self.weight:g} for listed documents",
                expected="0 (take them out) or a weight below 1",
                todo="To weigh documents up, say --upweight LABEL=WEIGHT.",
            )
        for name, (weight, _) in self.upweights.items():
            if not 0 < weight < float("inf"):
                raise UsageError(f"--upweight {name}={weight:g}", expected="a weight above 0")
            if name == label:
                raise UsageError(f"{name} would be taken out and weighed up", expected="another label for --upweight")
        return Wish(**{**vars(self), "label": label})


def choose(wish: Wish, found: Removal, curve: Sequence[Row], default: float) -> tuple[float, str]:
    """A checked wish -> its threshold, and how it was chosen. Raises ExportError where no threshold does what is asked."""
    if wish.threshold is not None:
        return wish.threshold, "given"
    if wish.target_removed is not None:
        return _target(wish.target_removed, found, curve)
    if wish.max_words_lost is not None:
        return _budget(wish.max_words_lost, found)
    return default, "the audit's threshold"


def _target(target: float, found: Removal, curve: Sequence[Row]) -> tuple[float, str]:
    if not found.measured:
        raise ExportError(
            "--target-removed asks for a share that is unknown: there are not labels enough",
            expected="labels, or --threshold or --max-words-lost",
            todo="Label a round first: corpus-audit label sample.",
        )
    enough = [row for row in curve if (row.removed.value or 0.0) >= target]
    if not enough:
        most = max(curve, key=lambda row: row.removed.value or 0.0)
        raise ExportError(
            f"no threshold removes {100 * target:.4g} % of it: at {most.threshold:g} the list removes {most.removed.value or 0:.1%} "
            f"and costs {most.words_lost:.2%} of the words",
            expected="a target that the audit can reach",
            todo="Ask for less, or open and screen more of the corpus (gate.audit_fraction, screen), so that a list can reach it.",
        )
    return enough[-1].threshold, f"the highest on the curve that removes {100 * target:.4g} %"


def _budget(share: float, found: Removal) -> tuple[float, str]:
    lost = (
        found.scores.group_by("score")
        .agg(pl.col("words").sum())
        .sort("score", descending=True)
        .with_columns(lost=pl.col("words").cum_sum() / found.words)
        .filter((pl.col("lost") <= share) & (pl.col("score") > 0))
    )
    if lost.is_empty():
        top = found.scores.filter(pl.col("score") == pl.col("score").max())
        raise ExportError(
            f"already the documents with the highest score hold {int(top['words'].sum()) / found.words:.4%} of the words",
            expected=f"a budget above that, not {share:.4%}",
        )
    return float(lost["score"][-1]), f"the lowest that costs at most {100 * share:.4g} % of the words"
