"""One shard, in two verbs. `choose`: read, gate, split, screen: which passages are kept. `judge`: embed, classify.

Rescoring an old scan is the second verb alone. The books are balanced here:
read = kept + empty + rejected + failed, and each rejected or failed record stands in `rejects`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from corpus_tools import tally
from corpus_tools.classifier import Classifier
from corpus_tools.config import AuditConfig, CorpusEntry
from corpus_tools.errors import CorpusAuditError
from corpus_tools.gate import Gate, audit_draw, join, load_lexicon
from corpus_tools.pack import Pack
from corpus_tools.passages import count_passages, split_documents
from corpus_tools.readers import READERS, Reject
from corpus_tools.screen import screen
from corpus_tools.shards import Shard
from corpus_tools.sources import documents_read, open_documents


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
            raise CorpusAuditError(f"the books do not balance: {self}", todo="Please report this with the shard's format.")


@dataclass(frozen=True)
class Rules:
    """What decides which passages are kept, ready to use."""

    config: AuditConfig
    gate: Gate
    languages: frozenset[str]

    @classmethod
    def of(cls, config: AuditConfig, pack: Pack) -> Rules:
        """Compiles a pack's lexicon for a configuration."""
        return cls(config, Gate(load_lexicon(pack.lexicon)), frozenset(pack.languages))


@dataclass(frozen=True)
class Chosen:
    """What one batch of a shard gives: opened documents, all their passages (text included), counts of everything, and rejects."""

    documents: pl.DataFrame
    passages: pl.DataFrame
    tally: pl.DataFrame
    rejects: list[Reject]
    books: Books


def choose(shard: Shard, entry: CorpusEntry, rules: Rules) -> Iterator[Chosen]:
    """A shard -> batch by batch, what is kept of it."""
    config = rules.config
    for batch in READERS[shard.format](shard, entry):
        texts = join(batch.documents["text"])
        words = tally.count_words(texts)
        kept = words > 0
        hit = rules.gate.hits(texts) & kept
        sampled = audit_draw(texts, kept & ~hit, fraction=config.gate.audit_fraction, seed=config.seed)
        read = documents_read(batch.documents, shard, texts.sizes, words)
        documents = open_documents(read, batch.documents["text"], hit, sampled, config.gate, rules.languages)
        passages = rules.gate.mark(split_documents(documents, config.passages))
        passages = screen(passages, config.screen, config.seed)
        documents = count_passages(documents, passages)
        yield Chosen(
            documents.drop("text"),
            passages,
            tally.tally(tally.counted(read.filter(pl.Series(kept)), documents)),
            batch.rejects,
            Books(
                read=batch.read,
                kept=int(kept.sum()),
                empty=int((~kept).sum()),
                rejected=sum(r.records for r in batch.rejects if r.fate == "rejected"),
                failed=sum(r.records for r in batch.rejects if r.fate == "failed"),
            ),
        )


def judge(candidates: pl.DataFrame, classifier: Classifier) -> pa.Table:
    """Candidates (passage_id, content, text) -> scores (passage_id, content, one column per label); a content is scored once."""
    unique = candidates.unique("content", keep="first", maintain_order=True)
    scores = classifier.score(unique["text"].to_list()).with_columns(unique["content"])
    return candidates.select("passage_id", "content").join(scores, on="content", how="left", maintain_order="left").to_arrow()
