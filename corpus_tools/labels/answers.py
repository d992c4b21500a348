"""Answers to a round: what fits is kept, what does not is set aside and counted, what is a mistake of the file is refused whole."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from corpus_tools.classifier.annotations import true_labels
from corpus_tools.labels.files import as_annotation, needed
from corpus_tools.labels.rounds import read_round, write_labels
from corpus_tools.pack import Pack
from corpus_tools.root import Root


@dataclass(frozen=True)
class Imported:
    """What an import did: passages answered by this file, those set aside by reason, and how far the round is."""

    answered: int
    set_aside: Mapping[str, int]
    drawn: int = 0  # passages of the round
    labelled: int = 0  # of them, with an answer now
    differing: Mapping[str, int] = field(default_factory=dict)  # label -> passages whose annotators differ


def import_labels(root: Root, name: str, answers: Iterable[Mapping[str, Any]], pack: Pack, annotator: str) -> Imported:
    """Answers to a round -> its file; an annotator's earlier answer to the same passage is replaced.

    Set aside and counted: passages not in the round, texts that do not fit their hash, answers to another round, not filled in or in
    part, and repeats within the file (the last stands). Raises LabelError for an unknown label or value: nothing is written then.
    """
    _, drawn = read_round(root, name)
    by_id = {p: (i, s) for i, (p, s) in enumerate(drawn.select("passage_id", "sha256").iter_rows())}
    labels: list[list[dict[str, Any]]] = [list(given or []) for given in drawn["labels"].to_list()]
    aside: Counter[str] = Counter()
    given: set[tuple[int, str]] = set()
    for answer in answers:
        at = by_id.get(str(answer.get("passage_id")))
        if at is None:
            aside["not drawn by this round"] += 1
            continue
        if answer.get("round") not in (None, "", name):
            aside[f"drawn by the round {answer['round']}, not {name}"] += 1
            continue
        if _differs(answer, at[1]):
            aside["text does not fit its hash"] += 1
            continue
        annotation = as_annotation(answer, pack)
        if annotation is None:
            aside["not filled in"] += 1
            continue
        true = true_labels(annotation, pack, f"passage {answer['passage_id']}")
        missing = [group for group in needed(pack) if not annotation[group]]
        if missing:
            aside[f"answered in part: no {' and no '.join(missing)}"] += 1
            continue
        who = str(answer.get("annotator") or annotator)
        if (at[0], who) in given:
            aside["answered more than once in the file (the last stands)"] += 1
        given.add((at[0], who))
        kept = [one for one in labels[at[0]] if one["annotator"] != who]
        labels[at[0]] = kept + [{"annotator": who, "label": label, "value": label in true} for label in pack.labels]
    if given:
        write_labels(root, name, drawn, labels)
    return Imported(
        answered=len({i for i, _ in given}),
        set_aside=dict(aside),
        drawn=len(drawn),
        labelled=sum(map(bool, labels)),
        differing=_differing(labels),
    )


def _differing(labels: list[list[dict[str, Any]]]) -> dict[str, int]:
    out: Counter[str] = Counter()
    for given in labels:
        said: dict[str, set[bool]] = {}
        for one in given:
            said.setdefault(one["label"], set()).add(one["value"])
        out.update(label for label, values in said.items() if len(values) > 1)
    return dict(out)


def _differs(answer: Mapping[str, Any], sha256: str) -> bool:
    text = answer.get("text")
    given = answer.get("sha256")
    if given and given != sha256:
        return True
    return bool(text) and hashlib.sha256(str(text).encode()).hexdigest() != sha256
