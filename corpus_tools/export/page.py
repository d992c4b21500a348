"""What is known of a list -> a page in Markdown. Writes numbers, computes none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isclose
from typing import Any

POINTS = 15  # of the curve on the page; the side file has all


def percent(value: float | None) -> str:
    """A share with three digits, 'unknown' for none."""
    if value is None:
        return "unknown"
    return f"{100 * value:.3g} %"


def figure(f: Mapping[str, float | None]) -> str:
    """A share with its interval; 'counted' where every passage that decides it is labelled."""
    if f["value"] is None:
        return "unknown"
    assert f["low"] is not None
    assert f["high"] is not None
    if isclose(f["low"], f["high"], rel_tol=1e-5):
        return f"{percent(f['value'])} (counted)"
    return f"{percent(f['value'])} ({percent(f['low'])} to {percent(f['high'])})"


def _share(f: Mapping[str, float | None]) -> str:
    return "an unknown share" if f["value"] is None else figure(f)


def _documents(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def sentences(facts: Mapping[str, Any]) -> list[str]:
    """What the list does and what it cannot, a sentence each."""
    out = []
    for place, one in enumerate(facts["lists"]):
        before = one.get("listed_before", 0)
        more = f"{before:,} more that reach it are listed above already; that action stands." if before else ""
        if not one["documents"]:
            highest = "" if before else f" (the highest is {one['highest']:g})"
            out.append(
                f"No {'other ' if before else ''}document has a score of {one['label']} of {one['threshold']:g} or more{highest}: "
                f"nothing is listed by it. {more}".rstrip()
            )
            continue
        does = {
            "remove": "are removed",
            "downweight": f"count {one['weight']:g} times",
            "upweight": f"count {one['weight']:g} times",
        }[one["action"]]
        out.append(
            f"{one['documents']:,} documents with a score of {one['label']} of {one['threshold']:g} or more {does} "
            f"(threshold: {one['chosen']}). They hold {percent(one['words_lost'])} of the words, and "
            f"{_share(one['removed'])} of the {one['label']}."
        )
        if one["precision"]["value"] is None:
            out.append(
                "Precision and recall are unknown: there are not labels enough. This list has not been measured."
            )
        else:
            out.append(
                f"Precision: in {figure(one['precision'])} of them the highest passage is {one['label']} indeed; of their words "
                f"{figure(one['positive_words'])} are. {one['labelled']} labelled passages lie in them."
            )
        if more:
            out.append(more)
        for other in facts["also_removed"] if place == 0 else ():
            out.append(f"With them {_goes(one)} {_share(other['removed'])} of the {other['label']}.")
    return [*out, *_limits(facts)]


def _goes(one: Mapping[str, Any]) -> str:
    return "goes" if one["action"] == "remove" else "is weighed down"


def _limits(facts: Mapping[str, Any]) -> list[str]:
    out = []
    beyond, label = facts["beyond"], facts["label"]
    unreached = beyond["unreached"]
    if unreached["value"] is None:
        out.append(f"How much of the {label} no threshold reaches is unknown.")
    elif unreached["value"] > 0.0005:
        places = (
            ("in documents that were not opened (the gate finds nothing in them)", beyond["not_opened"]),
            ("in opened documents of which the screen drew no passage", beyond["not_drawn"]),
            ("in shards that were not scanned", beyond["not_scanned"]),
        )
        where = ", ".join(f"{percent(share)} {place}" for place, share in places if share and share > 0.0005)
        out.append(
            f"{figure(unreached)} of the {label} is beyond every threshold: {where}. For a complete list, audit every "
            "document and passage (gate.audit_fraction: 1, screen: {hit: 1, near: 1})."
        )
    scanned = facts["scanned"]
    if scanned["failed_shards"]:
        out.append(f"{scanned['failed_shards']} shards failed: their documents are in no figure here, and in no list.")
    if scanned["unscored_words"] > 0.0005:
        out.append(
            f"{percent(scanned['unscored_words'])} of the opened words are in languages that the classifier does not know: not listed, "
            "and not in the shares of narrative."
        )
    ids = facts["ids"]
    if ids["by_position"]:
        out.append(
            f"{ids['by_position']:,} listed documents have neither id nor address: only document_id, their position, finds them."
        )
    if ids["by_url"]:
        out.append(
            _documents(ids["by_url"], "listed document has no id, and is", "listed documents have no id, and are")
            + " found by address."
        )
    if ids["others_with_a_listed_id"]:
        out.append(
            f"{ids['others_with_a_listed_id']:,} opened documents that are not listed share an id with one that is: "
            "a filter by id takes them too."
        )
    return out


def page(facts: Mapping[str, Any]) -> str:
    """The side file for people."""
    labels = facts["labels"]
    by = f", by {labels['labelled_by']}" if labels["labelled_by"] else ""
    told = [
        f"# Documents listed by {facts['label']}: what the list does",
        "",
        *(f"- {s}" for s in sentences(facts)),
        "",
        "## What it costs and what it removes, by threshold",
        "",
        f"Shares of all {facts['words']:,} words of the corpus and of all its words of {facts['label']}, with 95 % intervals.",
        "",
        lines(_some(facts["curve"])),
        "",
        "*removed*: share of the narrative's words, over what the gate misses too. *precision*: share of the listed documents whose "
        "highest passage is labelled so; others may hold it in another passage, so it is a lower bound.",
        "",
        "## Where it comes from",
        "",
        f"- command: `{facts['command']}`",
        f"- audit: {facts['audit_id']} ({facts['audit']}), scan {facts['scan_id']}, classifier {facts['classifier_id']}, "
        f"pack {facts['pack']}",
        f"- labels: {labels['labelled']} passages{by}; rounds: {', '.join(labels['rounds']) or 'none'}",
        f"- corpus-audit {facts['version']}",
        "",
    ]
    return "\n".join(told)


def lines(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of the curve as a table."""
    head = ["| threshold | documents | words lost | removed | precision, at least |", "|---:|---:|---:|---:|---:|"]
    return "\n".join([*head, *map(_line, rows)])


def _line(row: Mapping[str, Any]) -> str:
    cells = (
        f"{row['threshold']:g}", f"{row['documents']:,}", percent(row["words_lost"]), figure(row["removed"]), figure(row["precision"]),
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _some(curve: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """At most POINTS rows, evenly over the curve, its ends among them."""
    if len(curve) <= POINTS:
        return list(curve)
    at = {round(i * (len(curve) - 1) / (POINTS - 1)) for i in range(POINTS)}
    return [curve[i] for i in sorted(at)]
