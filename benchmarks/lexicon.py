"""What each phrase of a pack's lexicon brings and what it finds, by labels: noise, gaps, gate recall, what a change would do. Markdown.

    python benchmarks/lexicon.py --labels data/labels/round2.jsonl --texts round2.jsonl --documents ../shared/corpus/*
        [--strata data/labels/strata.csv] [--drop PHRASE] [--add PHRASE] [--noise-only] [--rows 40]

`--texts` hold the labelled passages, `--documents` the whole documents that they are from (JSON Lines, also .gz or .zst, or Parquet,
with `id` or `doc_id` and `text`; found by the labels' document_id): the gate opens documents, so a passage is reached by a phrase anywhere
in its document. A label whose document is not given is judged by its passage alone. Labels were mostly drawn by score, so shares are of
labelled passages, not of the corpus. With `--strata` (passage_id, stratum, weight: how many passages of the corpus one stands for) recall
is weighted. `--add` and `--drop` take phrases as the lexicon writes them; more than once.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl
import pyarrow as pa
import zstandard
from scipy.stats import beta

from corpus_tools.classifier.annotations import join_texts, label_matrix, read_jsonl
from corpus_tools.gate import Gate, Phrase, load_lexicon
from corpus_tools.pack import Pack, load_pack
from corpus_tools.texts import join

DRAWS = 1000


def documents(paths: Iterable[Path]) -> Iterator[list[tuple[str, str]]]:
    """Files -> batches of (id, text)."""
    for path in paths:
        batch: list[tuple[str, str]] = []
        size = 0
        for record in records(path):
            text = record.get("text")
            if isinstance(text, str):
                batch.append((str(record.get("id") or record.get("doc_id")), text))
                size += len(text)
            if size > 30_000_000:
                yield batch
                batch, size = [], 0
        yield batch


def records(path: Path) -> Iterator[dict[str, Any]]:
    """A file -> its records; a file of another kind has none."""
    if path.suffix == ".parquet":
        yield from pl.read_parquet(path).iter_rows(named=True)
    elif ".jsonl" in path.name:
        raw = path.read_bytes()
        if path.suffix == ".gz":
            raw = gzip.decompress(raw)
        elif path.suffix == ".zst":
            raw = zstandard.ZstdDecompressor().stream_reader(raw).read()
        yield from (orjson.loads(line) for line in raw.splitlines() if line.strip())


def terms(gate: Gate, texts: list[str]) -> list[set[str]]:
    """Texts [n] -> the terms in each."""
    return [set(t) for t in gate.terms(join(pa.array(texts, pa.large_string()))).to_pylist()]


def wilson(k: float, n: float) -> tuple[float, float]:
    """k of n -> 95 % interval of the share (Wilson 1927)."""
    if not n:
        return 0.0, 1.0
    z = 1.96
    middle, half = (k + z * z / 2) / (n + z * z), z / (n + z * z) * np.sqrt(k * (n - k) / n + z * z / 4)
    return float(middle - half), float(middle + half)


def recall(reached: Any, positive: Any, works: list[str]) -> str:
    """Share of the positives that are reached, with a bootstrap interval over works."""
    code = np.unique(works, return_inverse=True)[1]
    hit, every = np.bincount(code, positive * reached), np.bincount(code, positive)
    rng = np.random.default_rng(0)
    draws = [rng.integers(0, len(every), len(every)) for _ in range(DRAWS)]
    low, high = np.nanquantile(
        [hit[d].sum() / every[d].sum() if every[d].sum() else np.nan for d in draws], [0.025, 0.975]
    )
    return f"{hit.sum() / every.sum():.3f} [{low:.3f}, {high:.3f}]" if every.sum() else "–"


def words(text: str) -> set[str]:
    """The words of a text, small, without those of one or two letters."""
    return {w for w in re.findall(r"[a-z]+", text.lower()) if len(w) > 2}


class Evidence:
    """Labels, their passages and documents, and the terms that a gate finds in both."""

    def __init__(
        self, pack: Pack, rows: list[dict[str, Any]], texts: list[str], files: list[Path], phrases: list[Phrase]
    ) -> None:
        self.rows, self.texts = rows, texts
        self.works = [str(r.get("document_id", i)) for i, r in enumerate(rows)]
        truth = label_matrix(rows, pack)
        broad = [label for label in pack.derived if label not in pack.outcomes.values()]
        source = sorted({name for rule in pack.derived.values() for name in rule.all_of if name not in pack.derived})
        shown = [name for name in source if name in {m for g in pack.groups.values() for m in g}] + broad
        self.labels = {name: truth[:, pack.labels.index(name)] for name in shown}
        gate = Gate(phrases)
        self.passage = terms(gate, texts)
        self.document: dict[str, set[str]] = {}
        self.total = 0
        wanted = set(self.works)
        self.opened: Counter[str] = Counter()
        self.alone: Counter[str] = Counter()
        self.opened_documents = self.opened_words = 0
        for batch in documents(files):
            for (key, text), found in zip(batch, terms(gate, [t for _, t in batch]) if batch else [], strict=True):
                self.total += 1
                self.opened_documents += bool(found)
                self.opened_words += len(text.split()) if found else 0
                self.opened.update(found)
                if len(found) == 1:
                    self.alone.update(found)
                if key in wanted:
                    self.document[key] = found | self.document.get(key, set())
        self.around = [self.document.get(w, p) | p for w, p in zip(self.works, self.passage, strict=True)]
        self.reached = np.array([bool(found) for found in self.around])
        self.known = np.array([w in self.document for w in self.works])


def phrase_table(evidence: Evidence, rows: int, noise_only: bool) -> list[str]:
    """One row per phrase, those in most documents first."""
    by_phrase: dict[str, list[int]] = defaultdict(list)
    for i, found in enumerate(evidence.passage):
        for term in found:
            by_phrase[term].append(i)
    alone: dict[str, list[int]] = defaultdict(list)
    for i, found in enumerate(evidence.around):
        if len(found) == 1:
            alone[next(iter(found))].append(i)
    first, *others = evidence.labels
    heads = (
        "phrase",
        "documents",
        "opened by it alone",
        "labelled passages with it",
        first,
        *others,
        "positives it alone reaches",
    )
    out = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    overall = evidence.labels[first].mean()
    order = sorted({*evidence.opened, *by_phrase}, key=lambda t: (-evidence.opened[t], -len(by_phrase[t])))
    for term in order:
        at = by_phrase[term]
        count = int(evidence.labels[first][at].sum())
        _, high = wilson(count, len(at))
        noisy = len(at) >= 15 and high < overall / 2
        if noise_only and not noisy:
            continue
        shares = [f"{int(y[at].sum())} ({y[at].mean():.0%})" if at else "–" for y in evidence.labels.values()]
        only = [str(int(y[alone[term]].sum())) for y in evidence.labels.values()]
        mark = " ←" if noisy else ""
        cells = (
            f"{term}{mark}",
            f"{evidence.opened[term]:,}",
            f"{evidence.alone[term]:,}",
            str(len(at)),
            *shares,
            " / ".join(only),
        )
        out.append(f"| {' | '.join(cells)} |")
    return out[: rows + 2]


def gaps(evidence: Evidence, rows: int) -> list[str]:
    """Words of positive passages whose document is at hand and holds no phrase, against those of all negatives."""
    out = []
    for name, positive in evidence.labels.items():
        missed = np.flatnonzero(positive & ~evidence.reached & evidence.known)
        works = {evidence.works[i] for i in missed}
        out.append(
            f"- **{name}**: {len(missed)} of {int((positive & evidence.known).sum()):,} positives in {len(works)} documents without one."
        )
        if not len(missed):
            continue
        here = Counter(w for i in missed for w in words(evidence.texts[i]))
        there = Counter(w for i in np.flatnonzero(~positive) for w in words(evidence.texts[i]))
        rest = int((~positive).sum())
        ratio = {w: (n / len(missed)) / ((there[w] + 1) / (rest + 1)) for w, n in here.items() if n >= 3}
        best = sorted((w for w in ratio if ratio[w] >= 4), key=lambda w: -ratio[w] * np.sqrt(here[w]))[:rows]
        out[-1] += f" Their words: {', '.join(f'{w} ({here[w]})' for w in best) or 'none stands out'}."
    return out


def main() -> None:
    """Prints recall, the phrases, the gaps, and what a change would do."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", type=Path, action="append", required=True)
    parser.add_argument("--texts", type=Path, action="append", required=True)
    parser.add_argument("--documents", type=Path, nargs="*", default=[])
    parser.add_argument("--strata", type=Path)
    parser.add_argument("--drop", action="append", default=[])
    parser.add_argument("--add", action="append", default=[])
    parser.add_argument("--noise-only", action="store_true")
    parser.add_argument("--rows", type=int, default=40)
    args = parser.parse_args()
    pack = load_pack("ai_self_preservation")
    labels = [row for path in args.labels for row in read_jsonl(path)]
    texts = join_texts(labels, (row for path in args.texts for row in read_jsonl(path)))["text"].to_list()
    phrases = load_lexicon(pack.lexicon)
    files = [path for path in args.documents if path.is_file()]
    evidence = Evidence(pack, labels, texts, files, phrases)
    print(
        f"{len(labels):,} labelled passages; the whole document was at hand for {evidence.known.sum():,}. {evidence.total:,} documents,"
    )
    print(f"{evidence.opened_documents:,} of them opened by {len(phrases)} phrases.\n\n## Gate recall\n")
    print(
        "Share of the positives whose document holds a phrase, where the document was at hand; conditional on how they were drawn.\n"
    )
    for name, positive in evidence.labels.items():
        shown = positive & evidence.known
        missed = int((shown & ~evidence.reached).sum())
        print(f"- {name}: {recall(evidence.reached, shown, evidence.works)} of {int(shown.sum()):,}; {missed} missed")
    if args.strata:
        weighted(evidence, args.strata)
    print(
        "\n## Phrases\n\nAn arrow: 15 labelled passages or more, the first label's share surely below half of that overall.\n"
    )
    print("\n".join(phrase_table(evidence, args.rows, args.noise_only)))
    print("\n## Gaps\n")
    print("\n".join(gaps(evidence, args.rows)))
    if args.drop or args.add:
        dropped = {*args.drop}
        unknown = dropped - {p.text for p in phrases}
        if unknown:
            raise SystemExit(f"not in the lexicon: {', '.join(sorted(unknown))}")
        kept = [p for p in phrases if p.text not in dropped] + [Phrase(t, "added", t.isupper()) for t in args.add]
        change(evidence, Evidence(pack, labels, texts, files, kept))


def weighted(evidence: Evidence, strata: Path) -> None:
    """Prints recall with the corpus's weights, and the least that the labels of unreached documents allow (no model helps here)."""
    with strata.open(newline="", encoding="utf-8") as file:
        weight = {row["passage_id"]: float(row["weight"]) for row in csv.DictReader(file)}
    w = np.array([weight.get(str(r.get("passage_id")), 0.0) for r in evidence.rows])
    out = (w > 0) & ~evidence.reached
    rest = float(w[out].sum())
    effective = rest**2 / (w[out] ** 2).sum()  # Kish (1965)
    print(
        f"\nWeighted to the corpus, over the {int((w > 0).sum()):,} labels whose weight is known ({w.sum():,.0f} passages)."
    )
    print(
        f"{int(out.sum())} are in documents without a phrase and count like {effective:.0f} at random from {rest:,.0f}.\n"
    )
    for name, positive in evidence.labels.items():
        found, missed = float(w[positive & evidence.reached].sum()), float(w[positive & out].sum())
        share = missed / rest
        most = rest * float(
            beta.ppf(0.95, share * effective + 1, (1 - share) * effective)
        )  # Clopper and Pearson (1934)
        labelled = int((positive & out).sum())
        print(
            f"- {name}: {found / (found + missed):.3f}, at least {found / (found + most):.2f}; {labelled} of those labelled missed"
        )


def change(before: Evidence, after: Evidence) -> None:
    """Prints what another lexicon opens, loses and gains."""
    opened = f"Documents opened: {before.opened_documents:,} → {after.opened_documents:,}"
    print(f"\n## The change\n\n{opened}; their words: {before.opened_words:,} → {after.opened_words:,}.\n")
    for name, positive in before.labels.items():
        lost, gained = positive & before.reached & ~after.reached, positive & ~before.reached & after.reached
        print(f"- {name}: {int(lost.sum())} labelled positives lost, {int(gained.sum())} gained")


if __name__ == "__main__":
    main()
