"""Denominators: exact counts where the tallies have them, ratio estimates from the audit sample where only opened
documents tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus_tools.estimate.codes import document_codes, grouped, reduced, runs, source_codes, source_names
from corpus_tools.estimate.frames import key
from corpus_tools.estimate.survey import Bools, Floats, Pairs, sums

BORROWED = 5.0  # documents of the whole corpus that a source's own ratio is held by


@dataclass(frozen=True)
class Totals:
    """Per source [X], for one unit and basis."""

    total: Floats
    low: Floats
    high: Floats
    unscored_share: Floats

    @property
    def scored(self) -> Floats:
        """What prevalence is over: text that the classifier knows."""
        return self.total * (1 - self.unscored_share)


@dataclass(frozen=True)
class _Texts:
    """Opened passages in order of their content. Arrays, one each."""

    content: NDArray[np.int32]  # a number per content
    document: NDArray[np.int32]  # row of its document
    hit: Bools
    s: Floats  # 1 / shard probability
    words: NDArray[np.int32]
    unscored: Bools


class Denominators:
    """Tallies and opened passages -> Totals by dimension. Documents and words of `exposure` are counts; passages of
    documents that the gate does not hit, and everything `distinct` in them, are words (exact) times a ratio found in
    the audit sample (Cochran 1977, chapter 6), a source's own ratio being held by that of the corpus."""

    def __init__(self, passages: pl.DataFrame, tallies: pl.DataFrame) -> None:
        weight = pl.col("shard_probability") if "shard_probability" in tallies.columns else pl.lit(1.0)
        counts = [c for c in _COUNTS if c in tallies.columns]
        self.tallies = tallies.with_columns(*((pl.col(c) / weight).alias(c) for c in counts))
        # Documents and texts once: dimensions only differ in how they are grouped.
        content = "document_content" if "document_content" in passages.columns else "document_id"
        keys = [c for c, t in passages.schema.items() if not t.is_float() and c not in _NO_KEYS]
        hit = (passages["stratum"] != "sampled").to_numpy()
        words = passages["n_words"].cast(pl.Int64).to_numpy()
        unscored = passages["unscored"].to_numpy()
        s = 1 / passages.with_columns(s=_optional(passages, "shard_probability").cast(pl.Float64))["s"].to_numpy()
        document = document_codes(key(passages["document_id"]))
        order, starts = runs(document, hit.astype(np.int32))  # a document's passages lie together: nearly in order
        first = order[starts]
        self.documents = passages.select(*keys, content=key(passages[content]))[first].with_columns(
            hit=hit[first],
            s=s[first],
            words=reduced(np.add, words[order], starts),
            passages=np.diff(starts, append=len(order)),
            unscored=reduced(np.logical_or, unscored[order], starts),
        )
        of_row = np.empty(len(order), np.int32)
        of_row[order] = np.repeat(np.arange(len(starts), dtype=np.int32), self.documents["passages"].to_numpy())
        row, group = grouped(key(passages["content"]).to_numpy())
        self.texts = _Texts(group, of_row[row], hit[row], s[row], words[row].astype(np.int32), unscored[row])
        rate = _optional_series(passages.filter(pl.col("stratum") == "sampled"), "open_probability")
        self.open_rate = float(rate.mean()) if len(rate) else 1.0  # type: ignore[arg-type]  # a number
        self.complete_open = bool((_optional_series(passages, "open_probability") == 1).all())

    def of(self, pairs: Pairs, named: Sequence[str]) -> dict[tuple[str, str], Totals]:
        """Totals for (passages | words | documents) x (exposure | distinct)."""
        x_size = len(pairs.names)
        known = source_names([self.documents, self.tallies], named) if named else pl.DataFrame({"code": [0]})
        opened = self._opened(named, known, x_size)
        exact = self._exact(named, known, x_size, opened)
        out: dict[tuple[str, str], Totals] = {}
        for unit in ("documents", "words", "passages"):
            for basis in ("exposure", "distinct"):
                column = f"{unit}_{basis}"
                hit, rest = opened[f"hit_{column}"], opened[f"rest_{column}"]
                unscored = _ratio(
                    opened[f"hit_unscored_{column}"] + opened[f"rest_unscored_{column}"] * opened["expand"],
                    hit + rest * opened["expand"],
                )
                if basis == "exposure" and unit != "passages":
                    value = exact[unit]
                    sd = np.zeros(x_size)
                else:
                    base = "documents" if unit == "documents" else "words"
                    value, sd = self._expanded(hit, rest, opened, base, exact[base] - exact[f"hit_{base}"])
                z = 1.959963984540054
                out[unit, basis] = Totals(
                    value, np.maximum(value - z * sd, np.minimum(hit, value)), value + z * sd, unscored
                )
        return out

    def _opened(self, named: Sequence[str], known: pl.DataFrame, x_size: int) -> dict[str, Floats]:
        """Sums over opened documents and passages by source, in hit documents and in sampled ones (unweighted but for
        shards)."""
        code = source_codes(self.documents, named, known)
        out: dict[str, Floats] = {}
        documents = self.documents.select("content", "hit", "s", "words", "passages", "unscored", x=pl.Series(code))
        texts = self._distinct_texts(code)
        distinct_documents = (
            documents.group_by("x", "content", "hit")
            .agg(pl.col("s").max(), pl.col("words").first(), pl.col("passages").first(), pl.col("unscored").any())
            .sort("x", "content", "hit")
        )

        def add(frame: pl.DataFrame, name: str, column: str = "") -> None:
            part = frame["x"].cast(pl.Int64).to_numpy() * 4 + 2 * frame["hit"].to_numpy() + frame["unscored"].to_numpy()
            value = frame["s"] * frame[column] if column else frame["s"]
            by = sums(part, value.to_numpy(), size=4 * x_size).reshape(x_size, 4)
            out[f"rest_{name}"], out[f"rest_unscored_{name}"] = by[:, 0] + by[:, 1], by[:, 1]
            out[f"hit_{name}"], out[f"hit_unscored_{name}"] = by[:, 2] + by[:, 3], by[:, 3]

        add(documents, "documents_exposure")
        add(documents, "words_exposure", "words")
        add(documents, "passages_exposure", "passages")
        add(distinct_documents, "documents_distinct")
        add(texts, "words_distinct", "words")
        add(texts, "passages_distinct")
        out["expand"] = np.full(x_size, 1 / self.open_rate)
        # How much documents differ in passages per word: the error of the ratio, per sampled document.
        sampled = distinct_documents.filter(~pl.col("hit"))
        per_word = float(sampled["passages"].sum() or 0) / max(float(sampled["words"].sum() or 0), 1.0)
        off = (sampled["passages"] - per_word * sampled["words"]).to_numpy()
        mean = max(float(sampled["passages"].mean() or 1.0), 1e-9)  # type: ignore[arg-type]
        out["cv"] = np.full(x_size, float(np.sqrt(np.mean(off**2))) / mean if len(off) else 1.0)
        return out

    def _distinct_texts(self, code: NDArray[np.int32]) -> pl.DataFrame:
        """Contents of a source, each once; one in both parts counts in the hit part alone."""
        t = self.texts
        x = code[t.document]
        order, starts = runs(t.content, x)
        first = order[starts]
        return pl.DataFrame(
            {
                "x": x[first],
                "hit": reduced(np.logical_or, t.hit[order], starts),
                "s": reduced(np.maximum, t.s[order], starts),
                "words": t.words[first],
                "unscored": reduced(np.logical_or, t.unscored[order], starts),
            }
        )

    def _exact(
        self, named: Sequence[str], known: pl.DataFrame, x_size: int, opened: dict[str, Floats]
    ) -> dict[str, Floats]:
        """Documents and words by source. Where tallies lack the key (a language that is only detected), what the gate
        hits is counted and the rest is the corpus's, split as the audit sample is."""
        columns = ("documents", "words", "hit_documents", "hit_words")
        t = self.tallies
        if all(n in t.columns for n in named):
            code = source_codes(t, named, known)
            by_tally = {
                c: sums(code, t[c].to_numpy(), size=x_size) if c in t.columns else np.zeros(x_size) for c in columns
            }
            if np.all(by_tally["words"] >= 0.999 * opened["hit_words_exposure"]):
                return by_tally
        out: dict[str, Floats] = {}
        for unit in ("documents", "words"):
            hit, rest = opened[f"hit_{unit}_exposure"], opened[f"rest_{unit}_exposure"]
            left = (
                max(float(t[unit].sum()) - float(hit.sum()), 0.0)
                if unit in t.columns
                else float((rest * opened["expand"]).sum())
            )
            out[unit] = hit + left * rest / max(float(rest.sum()), 1e-300)
            out[f"hit_{unit}"] = hit
        return out

    def _expanded(
        self, hit: Floats, rest: Floats, opened: dict[str, Floats], base: str, left: Floats
    ) -> tuple[Floats, Floats]:
        """Hit part + rest of `left` words (or documents) times the sampled ratio; standard error."""
        base_rest = opened[f"rest_{base}_exposure"]
        n = opened["rest_documents_distinct"]
        if not base_rest.sum() and not opened[f"hit_{base}_exposure"].sum():  # nothing was opened: nothing is known
            return np.full(len(n), np.nan), np.zeros(len(n))
        if not base_rest.sum():
            # no audit sample: the hit documents' ratio stands in, and the interval says how little that is worth
            ratio = hit.sum() / max(float(opened[f"hit_{base}_exposure"].sum()), 1e-300)
            value = hit + np.maximum(left, 0) * ratio
            return value, (value - hit) / 2
        ratio_all = float(rest.sum()) / float(base_rest.sum())
        kappa = BORROWED * float(base_rest.sum()) / max(float(n.sum()), 1.0)
        ratio = (rest + kappa * ratio_all) / (base_rest + kappa)
        part = np.where(self.complete_open, rest, np.maximum(left, 0) * ratio)
        sd = np.zeros(len(part)) if self.complete_open else part * opened["cv"] / np.sqrt(n + 1)
        return hit + part, sd


_NO_KEYS = {
    "passage_id",
    "document_id",
    "content",
    "document_content",
    "stratum",
    "n_words",
    "drawn",
    "unscored",
    "start",
    "end",
    "terms",
    "text",
}
_COUNTS = ("documents", "words", "hit_documents", "sampled_documents", "hit_words", "sampled_words")


def _optional(frame: pl.DataFrame, column: str) -> pl.Expr:
    return pl.col(column) if column in frame.columns else pl.lit(1.0)


def _optional_series(frame: pl.DataFrame, column: str) -> pl.Series:
    return frame[column] if column in frame.columns else pl.Series([1.0] * min(frame.height, 1))


def _ratio(a: Floats, b: Floats) -> Floats:
    return np.where(b > 0, a / np.maximum(b, 1e-300), 0.0)
