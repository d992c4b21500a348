"""One shard, in two verbs. `choose`: read, gate, split, screen: which passages are kept. `judge`: embed, classify.

`scan` strings them together and writes what comes out; rescoring an old scan is the second verb alone. The books are
balanced here: read = kept + empty + rejected + failed, and each rejected or failed record stands in `rejects`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, cast

import polars as pl
import pyarrow as pa

from corpus_tools import tally
from corpus_tools.classifier import Classifier
from corpus_tools.config import AuditConfig, CorpusEntry
from corpus_tools.errors import CorpusAuditError
from corpus_tools.gate import Gate, audit_draw, load_lexicon
from corpus_tools.pack import Pack
from corpus_tools.passages import count_passages, split_documents, to_table
from corpus_tools.readers import READERS, Reject, rejects_table
from corpus_tools.root import Root
from corpus_tools.screen import Scorer, Table, scorer_of, screen, table_of
from corpus_tools.shards import Shard
from corpus_tools.sources import documents_read, open_documents
from corpus_tools.tables import DOCUMENTS, TALLY_COUNTS
from corpus_tools.texts import count_words, join

JUDGED_AT_ONCE = 512
"""Candidates gathered before the encoder is called: enough to sort by length, few enough to hold."""

_NO_CANDIDATES = pl.DataFrame(schema=dict.fromkeys(("passage_id", "content", "text"), pl.String))


@dataclass
class Books:
    """Records of a shard, and that they balance."""

    read: int = 0
    kept: int = 0
    empty: int = 0
    rejected: int = 0
    failed: int = 0

    def __add__(self, other: Books) -> Books:
        return Books(
            self.read + other.read,
            self.kept + other.kept,
            self.empty + other.empty,
            self.rejected + other.rejected,
            self.failed + other.failed,
        )

    def check(self) -> None:
        """Raises CorpusAuditError if a record was lost or counted twice."""
        if self.read != self.kept + self.empty + self.rejected + self.failed:
            raise CorpusAuditError(
                f"the books do not balance: {self}", todo="Please report this with the shard's format."
            )


@dataclass(frozen=True)
class Rules:
    """What decides which passages are kept, ready to use."""

    config: AuditConfig
    gate: Gate
    languages: frozenset[str]
    scorer: Scorer | None
    rates: Table

    @classmethod
    def of(cls, config: AuditConfig, pack: Pack) -> Rules:
        """Compiles a pack's lexicon, and loads its screen, for a configuration."""
        scorer = scorer_of(config.screen, pack)
        rates = table_of(config.screen, scorer)
        return cls(config, Gate(load_lexicon(pack.lexicon)), frozenset(pack.languages), scorer, rates)


@dataclass(frozen=True)
class Chosen:
    """What one batch of a shard gives: opened documents, all their passages (text included), counts of everything, and rejects."""

    documents: pl.DataFrame
    passages: pl.DataFrame
    tally: pl.DataFrame
    rejects: list[Reject]
    books: Books
    unread: str = ""  # of a shard that breaks off: what was not read


def choose(shard: Shard, entry: CorpusEntry, rules: Rules) -> Iterator[Chosen]:
    """A shard -> batch by batch, what is kept of it."""
    config = rules.config
    for batch in READERS[shard.format](shard, entry):
        texts = join(batch.documents["text"])
        words = count_words(texts)
        kept = words > 0
        hit = rules.gate.hits(texts) & kept
        sampled = audit_draw(texts, kept & ~hit, fraction=config.gate.audit_fraction, seed=config.seed)
        read = documents_read(batch.documents, shard, texts.sizes, words)
        documents = open_documents(
            read, shard, batch.documents["text"], texts, hit, sampled, config.gate, rules.languages
        )
        passages, passage_texts = split_documents(documents, config.passages)
        passages = rules.gate.mark(passages, passage_texts)
        passages = screen(passages, rules.rates, config.seed, passage_texts, rules.scorer)
        documents = count_passages(documents, passages)
        yield Chosen(
            documents.drop("text"),
            passages,
            tally.tally(tally.counted(read, documents).filter(pl.Series(kept))),
            batch.rejects,
            Books(
                read=batch.read,
                kept=int(kept.sum()),
                empty=int((~kept).sum()),
                rejected=sum(r.records for r in batch.rejects if r.fate == "rejected"),
                failed=sum(r.records for r in batch.rejects if r.fate == "failed"),
            ),
            batch.unread,
        )


def judge(candidates: pl.DataFrame, classifier: Classifier) -> tuple[pa.Table, pa.Table]:
    """Candidates (passage_id, content, text) -> scores (passage_id, content, one column per label) and vectors.

    A content is scored once.
    """
    unique = candidates.unique("content", keep="first", maintain_order=True)
    features = classifier.features(unique["text"].to_list())
    scores = classifier.score_features(features).with_columns(
        content=unique["content"], vector=pl.Series(features, dtype=pl.Array(pl.Float32, features.shape[1]))
    )
    joined = candidates.select("passage_id", "content").join(scores, on="content", how="left", maintain_order="left")
    return joined.drop("vector").to_arrow(), joined.select("passage_id", "vector").to_arrow()


def scan(
    shard: Shard,
    entry: CorpusEntry,
    rules: Rules,
    classifier: Classifier,
    root: Root,
    scan_id: str,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """Chooses and judges one shard, writes its tables, then its scores; returns its manifest.

    `progress` is told the bytes of text read since it was last told.
    """
    store = rules.config.store
    books, counts, unread = Books(), tally.empty(), ""
    waiting: list[pl.DataFrame] = []
    candidates = 0
    with (
        root.shard_writer(scan_id, shard.key) as writer,
        root.score_writer(classifier.classifier_id, scan_id, shard.key) as scored,
    ):
        for chosen in choose(shard, entry, rules):
            books, counts, unread = books + chosen.books, tally.add([counts, chosen.tally]), chosen.unread or unread
            writer.add("documents", tally.to_arrow(chosen.documents, DOCUMENTS))
            writer.add("passages", to_table(chosen.passages, store.text))
            writer.add("rejects", rejects_table(chosen.rejects))
            waiting.append(chosen.passages.filter("drawn").select("passage_id", "content", "text"))
            if sum(map(len, waiting)) >= JUDGED_AT_ONCE:
                candidates += scored.add(*judge(pl.concat(waiting), classifier), vectors_kept=store.vectors)
                waiting = []
            if progress:
                progress(int(chosen.tally["bytes"].sum()))
        books.check()
        last = pl.concat([_NO_CANDIDATES, *waiting])
        candidates += scored.add(*judge(last, classifier), vectors_kept=store.vectors)
        writer.add("tallies", tally.to_arrow(counts))
        manifest = {
            **{
                name: getattr(shard, name) for name in ("shard_id", "dataset", "address", "format", "bytes", "revision")
            },
            **asdict(books),
            **{name: int(counts[name].sum()) for name in TALLY_COUNTS if name != "bytes"},
            "text_bytes": int(counts["bytes"].sum()),
            "candidates": candidates,
            "status": "partial" if unread else "done",
            "unread": unread,
        }
        writer.finish(manifest)
        scored.finish()
    return manifest


def rescore(shard: Shard, entry: CorpusEntry, rules: Rules, classifier: Classifier, root: Root, scan_id: str) -> None:
    """Judges a shard that was chosen before, by its stored texts, or by choosing it again where they are not kept whole."""
    with root.score_writer(classifier.classifier_id, scan_id, shard.key) as scored:
        if rules.config.store.text == "full":
            tables = root.batches("shards", scan_id, shard.key, "passages.parquet")
            frames = (cast(pl.DataFrame, pl.from_arrow(table)) for table in tables)
        else:
            frames = (chosen.passages for chosen in choose(shard, entry, rules))
        for passages in frames:
            drawn = passages.filter("drawn").select("passage_id", "content", "text")
            scored.add(*judge(drawn, classifier), vectors_kept=rules.config.store.vectors)
        scored.finish()
