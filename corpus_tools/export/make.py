"""An audit and a wish -> the documents that are listed, and what is known of the list. Reads the root's files, writes none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import polars as pl

from corpus_tools import audit as audits
from corpus_tools.errors import ExportError
from corpus_tools.estimate import Removal, Row
from corpus_tools.export.choose import Wish, choose
from corpus_tools.labels import labels_table, shared_coverage
from corpus_tools.pack import Pack
from corpus_tools.root import Root

COLUMNS = {
    "document_id": "position in the corpus: data set, file, and row or offset",
    "given_id": "the id that the corpus gives; null where it gives none",
    "url": "address of the document; null where it has none",
    "dataset": "name of the corpus entry",
    "label": "the label that lists it",
    "score": "highest score of that label among the document's scored passages",
    "weight": "how often the document should count: 0 takes it out; documents that are not listed count once",
    "action": "remove | downweight | upweight",
}


@dataclass(frozen=True)
class Export:
    """rows: COLUMNS, removed documents first, by data set and position. facts: the side file."""

    rows: pl.DataFrame
    facts: dict[str, Any]


def make(root: Root, audit: Mapping[str, Any], pack: Pack, wish: Wish, command: str = "") -> Export:
    """Lists an audit's documents as wished; `command` is kept with what is known of the list.

    Raises ExportError where precision and recall are unknown and the wish does not say that this will do, where no threshold
    does what is asked, and where no document reaches it; UsageError for a wish that cannot be meant.
    """
    wish = wish.checked(pack)
    against = [b for a, b in pack.balance if a == wish.label]
    read = _Read.of(root, audit, pack, [wish.label, *wish.upweights, *against])
    found = read.removal(wish.label)
    if not wish.uncalibrated:
        _measured(found, wish.label, read.late)
    curve = found.curve(found.thresholds())
    threshold, chosen = choose(wish, found, curve, audit["threshold"])
    action = "remove" if wish.weight == 0 else "downweight"
    lists = [_listed(found, wish.label, action, wish.weight, threshold) | {"chosen": chosen}]
    if not lists[0]["documents"]:
        raise ExportError(
            f"no document has a score of {wish.label} of {threshold:g} or more: the highest is {lists[0]['highest']:g}",
            expected="a threshold that some document reaches",
        )
    rows = [_rows(found, wish.label, action, wish.weight, threshold)]
    for label, (weight, least) in wish.upweights.items():
        before = pl.concat(rows)["document_id"]
        other = read.removal(label, barred=before)
        if not wish.uncalibrated:
            _measured(other, label, read.late)
        least, chosen = (audit["threshold"], "the audit's threshold") if least is None else (least, "given")
        both = read.reach(label, least).filter(pl.col("document_id").is_in(before.implode()))
        listed = _listed(other, label, "upweight", weight, least)
        lists.append(listed | {"chosen": chosen, "listed_before": both.height})
        rows.append(_rows(other, label, "upweight", weight, least))
    table = _with_ids(pl.concat(rows), read.documents)
    return Export(
        table,
        {
            "command": command, "version": version("corpus-audit"),
            "audit_id": audit["audit_id"], "audit": audit["name"], "scan_id": audit["scan_id"],
            "classifier_id": audit["classifier_id"], "pack": audit["pack"], "label": wish.label,
            "calibrated": found.measured, "words": round(read.words), "unit": "words, copies counted",
            "labels": {
                "rounds": read.rounds, "labelled": found.labels.n, "labelled_by": found.labels.by,
            },
            "lists": lists,
            "also_removed": [
                {"label": b, **_shares(read.removal(wish.label, of=b).at(threshold))} for b in against
            ],
            "beyond": asdict(found.beyond()),
            "ids": _ids(table, read.documents),
            "scanned": read.scanned,
            "curve": [asdict(row) for row in curve],
            "columns": COLUMNS,
        },
    )  # fmt: skip


@dataclass(frozen=True)
class _Read:
    """What an export takes of the root."""

    passages: pl.DataFrame
    documents: pl.DataFrame
    labels: pl.DataFrame
    rounds: list[str]
    late: int  # shards that no round covers
    words: float
    shards: dict[str, tuple[int, int]]
    rates: Mapping[str, float]
    scanned: dict[str, Any]

    @classmethod
    def of(cls, root: Root, audit: Mapping[str, Any], pack: Pack, scores: Sequence[str]) -> _Read:
        columns = ["document_id", "given_id", "url", "dataset", "words", "unscored"]
        done = audits.done_shards(audit)
        frame = root.shard_frame(audit["scan_id"], done, "documents", columns)
        tallies = audits.tallies(root, audit, pack)
        rounds = [r for r in audits.usable_rounds(root, audit) if r.of == "passages"]
        names = [r.name for r in rounds]
        passages, labels = shared_coverage(
            audits.scored_passages(root, audit, pack, labels=scores), labels_table(root, names), rounds
        )
        late = passages.filter("late")["shard_id"].n_unique() if "late" in passages.columns else 0
        opened = max(int(frame["words"].sum()), 1)
        return cls(
            passages=passages,
            documents=frame,
            labels=labels.head(0) if late else labels,  # they say nothing of shards that came after them
            rounds=names,
            late=late,
            words=float((tallies["words"] / tallies["shard_probability"]).sum()),
            shards={name: (n, of) for name, (n, of) in audit["sampled"].items()},
            rates=audits.card_of(root, audit).get("base_rates", {}),
            scanned={
                "shards": len(done),
                "failed_shards": len(audit["shards"]) - len(done),
                "partial_shards": sum(s["status"] == "partial" for s in audit["shards"]),
                "sampled": {name: list(pair) for name, pair in audit["sampled"].items() if pair[0] < pair[1]},
                "unscored_words": int(frame.filter("unscored")["words"].sum()) / opened,
            },
        )

    def reach(self, label: str, least: float) -> pl.DataFrame:
        """document_id of every document with a passage that scores so much, whether another list names it or not."""
        high = pl.col(label).cast(pl.Float64).round(4) >= least
        return self.passages.filter("drawn", ~pl.col("unscored"), high).select("document_id").unique()

    def removal(self, label: str, of: str = "", barred: pl.Series | None = None) -> Removal:
        asked = {"words": self.words, "of": of, "shards": self.shards, "barred": barred}
        if label not in self.passages.columns:
            raise ExportError(f"the audit's classifier has no score of {label!r}", todo="Name another --label.")
        rate = self.rates.get(of or label, 0.2)
        return Removal(self.passages, self.documents, self.labels, label, trained_at=rate, **asked)  # type: ignore[arg-type]


def _measured(found: Removal, label: str, late: int) -> None:
    if found.measured:
        return
    if late:
        raise ExportError(
            f"precision and recall of a list by {label!r} are unknown: {late} shards arrived after the labels",
            expected="labels of every shard",
            todo="Top the round up: corpus-audit label sample --new; or say --uncalibrated to write the list with both unknown.",
        )
    if found.short:
        raise ExportError(
            f"precision and recall of a list by {label!r} are unknown: fewer than 30 shards of {', '.join(found.short)} were scanned",
            expected="30 shards or all of them",
            todo="Let the audit go on, or say --uncalibrated to write the list with both unknown.",
        )
    raise ExportError(
        f"precision and recall of a list by {label!r} are unknown: {found.labels.n} labelled passages",
        expected="300 labels (or all candidates labelled)",
        todo="Draw and label a round: corpus-audit label sample --size 400, then label import; "
        "or say --uncalibrated to write the list with both unknown.",
    )


def _shares(row: Row) -> dict[str, Any]:
    return {"removed": asdict(row.removed), "labelled": row.labelled}


def _listed(found: Removal, label: str, action: str, weight: float, threshold: float) -> dict[str, Any]:
    highest = float(found.scores["score"].max() or 0.0)  # type: ignore[arg-type]  # a number
    return {"label": label, "action": action, "weight": weight, **asdict(found.at(threshold)), "highest": highest}


def _rows(found: Removal, label: str, action: str, weight: float, threshold: float) -> pl.DataFrame:
    listed = found.scores.filter(pl.col("score") >= threshold)
    return listed.select(
        "document_id", "score", label=pl.lit(label), weight=pl.lit(weight, pl.Float64), action=pl.lit(action)
    )


def _with_ids(rows: pl.DataFrame, documents: pl.DataFrame) -> pl.DataFrame:
    known = documents.select(
        "document_id", "dataset", pl.col("given_id").replace({"": None}), pl.col("url").replace({"": None})
    )
    order = pl.col("action").replace_strict({"remove": 0, "downweight": 1, "upweight": 2}, return_dtype=pl.Int8)
    return (
        rows.join(known.unique("document_id"), on="document_id", how="left")
        .sort(order, "dataset", "document_id")
        .select(list(COLUMNS))
    )


def _ids(rows: pl.DataFrame, documents: pl.DataFrame) -> dict[str, int]:
    """How the listed documents can be found again, and how many opened documents that are not listed share an id of theirs."""
    keys = ["dataset", "given_id"]
    ids = rows.filter(pl.col("given_id").is_not_null())
    others = documents.join(rows.select("document_id"), on="document_id", how="anti")
    return {
        "by_given_id": ids.height,
        "by_url": rows.filter(pl.col("given_id").is_null() & pl.col("url").is_not_null()).height,
        "by_position": rows.filter(pl.col("given_id").is_null() & pl.col("url").is_null()).height,
        "others_with_a_listed_id": others.join(ids.select(keys).unique(), on=keys, how="semi").height,
    }
