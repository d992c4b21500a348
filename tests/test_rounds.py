"""Rounds against a real root: drawn, topped up when shards arrive, of whole documents, with texts read again; and what is refused."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from corpus_tools import audit as audits
from corpus_tools.classifier import Classifier
from corpus_tools.config import AuditConfig, parse_config
from corpus_tools.errors import LabelError, UsageError
from corpus_tools.estimate.frames import keyed
from corpus_tools.labels import import_labels, labels_table, read_round, used
from corpus_tools.listed import listed_round
from corpus_tools.pack import Pack
from corpus_tools.root import Root
from corpus_tools.rounds import free_name, sample_round, settings, short_rounds, top_up
from corpus_tools.sampling import content_hash
from pipelines.cli import app
from tests.conftest import BREAD, ROBOT, scanned

NONE: dict[str, Any] = {"agent": "none", "behaviours": [], "threat": False, "mode": "reference", "stance": None}
MIND: dict[str, Any] = {
    "agent": "mind",
    "behaviours": ["rebellion"],
    "threat": True,
    "mode": "fiction",
    "stance": "presents",
}


def records(shard: int, n: int = 12) -> list[dict[str, Any]]:
    texts = [ROBOT, BREAD, f"{ROBOT}\n\n{BREAD}"]
    return [
        {"text": f"{texts[i % 3]} No. {shard}-{i // 3}.", "url": f"https://s{i % 2}.example.org/{i}"} for i in range(n)
    ]


def write(folder: Path, shard: int, n: int = 12) -> None:
    body = "\n".join(map(json.dumps, records(shard, n))) + "\n"
    if shard % 2:  # one kind that is sought, one that is read up to the place
        (folder / f"{shard}.jsonl.gz").write_bytes(gzip.compress(body.encode()))
    else:
        (folder / f"{shard}.jsonl").write_text(body, "utf-8")


Audit = Callable[..., tuple[Root, dict[str, Any]]]


@pytest.fixture
def audit(tmp_path: Path, pack: Pack, classifier: Classifier) -> Audit:
    """Scans what stands in the folder, without Prefect -> the root and the audit."""

    def run(store: str = "full", **entry: Any) -> tuple[Root, dict[str, Any]]:
        raw = {
            "name": "t", "output": "out", "corpus": [{"uri": "*.jsonl*", "name": "d", **entry}], "gate": {"audit_fraction": 1.0},
            "screen": {"near": 1.0}, "store": {"text": store},
        }  # fmt: skip
        config: AuditConfig = parse_config(raw, where="t", base=tmp_path)
        root, described = scanned(config, pack, classifier)
        root.write_json(described, "audits", described["audit_id"], "audit.json")
        number = len(root.runs())
        root.write_json(
            {
                "run_id": f"r{number}", "audit_id": described["audit_id"], "started": f"2026-01-0{number + 1}",
                "finished": f"2026-01-0{number + 1}", "config": config.model_dump(mode="json"),
            },
            "runs", f"r{number}.json",
        )  # fmt: skip
        return root, described

    return run


def answer(root: Root, name: str, pack: Pack, texts: pl.DataFrame, share: float = 1.0) -> None:
    rows = texts.select("passage_id", "text").rows()
    told = [
        {"passage_id": p, **(MIND if t.startswith("The robot") else NONE)} for p, t in rows[: round(share * len(rows))]
    ]
    import_labels(root, name, told, pack, "me")


def corpus_row(root: Root, audit: dict[str, Any], pack: Pack, unit: str = "passages") -> dict[str, Any]:
    rows = audits.estimate(root, audit, pack).prevalence
    return rows.filter(label=pack.headline, dimension="corpus", unit=unit, basis="exposure").row(0, named=True)


def test_lean_passages_are_the_scored_ones(audit: Audit, pack: Pack, tmp_path: Path) -> None:
    for shard in range(2):
        write(tmp_path, shard)
    root, described = audit()
    plain, lean = audits.scored_passages(root, described, pack), audits.lean_passages(root, described, pack)
    assert lean.columns == [c for c in plain.columns if c != "passage_id"]
    assert pl.String not in lean.dtypes and lean["shard_id"].n_unique() == 2
    texts = pl.col(pl.Categorical, pl.Enum).cast(pl.String)
    assert_frame_equal(lean.with_columns(texts), keyed(plain).select(lean.columns))
    one = audits.lean_passages(root, described, pack, labels=[pack.headline])
    assert set(lean.columns) - set(one.columns) == set(pack.labels) - {pack.headline}


def test_a_round_is_topped_up_by_its_own_rule(audit: Audit, pack: Pack, tmp_path: Path) -> None:
    write(tmp_path, 0)
    root, before = audit()
    first = sample_round(root, before, pack, name="r", size=6)
    again = sample_round(root, before, pack, name="train", size=100, role="train")
    assert not set(first.passages["content"]) & set(again.passages["content"]), "what corrects never trains"
    with pytest.raises(LabelError, match="no new shard"):
        top_up(root, before, pack, "r")
    answer(root, "r", pack, first.passages)

    write(tmp_path, 1, 24)
    (tmp_path / "2.jsonl").write_text((tmp_path / "0.jsonl").read_text())  # copies of what was drawn or not
    root, after = audit()
    assert short_rounds(root, after) == ["r"]
    notes = audits.estimate(root, after, pack).notes
    assert any("2 of 3 shards arrived after the labels" in note for note in notes)
    done = top_up(root, after, pack, "r")
    assert (done.shards, short_rounds(root, after)) == (2, [])
    rule, drawn = read_round(root, "r")
    assert len(drawn) == drawn["content"].n_unique() == len(first.passages) + len(done.passages)
    assert set(done.passages["content"]).isdisjoint(first.passages["content"])
    assert drawn["probability"].min() > 0  # type: ignore[operator]
    one = used(rule, drawn)
    assert (one.batches, one.waiting) == ((0,), len(done.passages)), "a top-up counts once it is answered"
    before_labels = labels_table(root, ["r"])
    answer(root, "r", pack, done.passages, 0.2)
    assert labels_table(root, ["r"]).equals(before_labels)
    answer(root, "r", pack, done.passages)
    one = used(*read_round(root, "r"))
    assert (one.batches, one.waiting, one.answered) == ((0, 1), 0, len(drawn))
    assert not any("arrived" in note for note in audits.estimate(root, after, pack).notes)
    assert audits.usable_rounds(root, before)[0].name == "r", "labels of the topped-up round serve the earlier audit"


def test_a_top_up_is_what_the_rule_would_have_drawn(audit: Audit, pack: Pack, tmp_path: Path) -> None:
    write(tmp_path, 0)
    root, before = audit()
    sample_round(root, before, pack, name="whole", size=1000)
    write(tmp_path, 1)
    root, after = audit()
    done = top_up(root, after, pack, "whole")
    assert done.passages["probability"].unique().to_list() == [1.0], "a complete round stays complete"
    candidates = audits.scored_passages(root, after, pack).filter(pl.col(pack.headline).is_not_null())
    assert set(read_round(root, "whole")[1]["content"]) == set(candidates["content"])


def test_a_listed_round_has_its_texts_and_is_topped_up_evenly(audit: Audit, pack: Pack, tmp_path: Path) -> None:
    write(tmp_path, 0)
    root, before = audit("none")
    first = listed_round(root, before, pack, "all", name="closer", size=8)
    assert len(first.passages)
    assert [content_hash(t) for t in first.passages["text"]] == first.passages["content"].to_list()
    write(tmp_path, 1, 60)
    root, after = audit("none")
    assert short_rounds(root, after) == ["closer"]
    done = top_up(root, after, pack, "closer")
    assert done.passages["probability"].unique().to_list() == [read_round(root, "closer")[0]["listed"]["elsewhere"]]
    assert set(done.passages["content"]).isdisjoint(first.passages["content"])
    assert short_rounds(root, after) == []
    with pytest.raises(LabelError, match="exists"):
        listed_round(root, after, pack, "all", name="closer", size=4)


def test_a_new_classifier_needs_no_top_up_and_its_round_is_scored_by_its_own(
    audit: Audit, pack: Pack, tmp_path: Path
) -> None:
    write(tmp_path, 0)
    root, before = audit()
    first = sample_round(root, before, pack, name="r", size=6)
    answer(root, "r", pack, first.passages)
    write(tmp_path, 1)
    root, after = audit()
    other = {**after, "classifier_id": "another", "audit_id": "other"}
    scores = root.at("scores", after["classifier_id"], after["scan_id"])
    root.fs.copy(scores, root.at("scores", "another", after["scan_id"]), recursive=True)
    new = next(s["shard_id"] for s in after["shards"] if s["shard_id"] not in read_round(root, "r")[0]["shards"])
    root.fs.rm(f"{scores}/{new}.parquet")
    root.write_json({**root.read_json("runs", "r1.json"), "run_id": "r2", "audit_id": "other"}, "runs", "r2.json")
    assert audits.usable_rounds(root, other)[0].name == "r"
    top_up(root, other, pack, "r")
    assert root.fs.exists(f"{scores}/{new}.parquet"), "the round's classifier scored what it had not scored"
    with pytest.raises(LabelError, match="covers all 2"):
        top_up(root, other, pack, "r")
    with pytest.raises(LabelError, match="drawn from another scan"):
        top_up(root, {**after, "scan_id": "x"}, pack, "r")


@pytest.mark.parametrize("store", ["full", "excerpt", "none"])
def test_texts_that_are_not_kept_are_read_again(store: str, audit: Audit, pack: Pack, tmp_path: Path) -> None:
    for shard in (0, 1):
        write(tmp_path, shard)
    root, found = audit(store)
    drawn = sample_round(root, found, pack, name=free_name(root), size=10).passages
    assert drawn["content"].to_list() == [content_hash(text) for text in drawn["text"]]
    whole = sample_round(root, found, pack, name=free_name(root), size=5, of="documents")
    assert whole.passages["content"].to_list() == [content_hash(text) for text in whole.passages["text"]]
    assert free_name(root) == "round-3"
    if store == "none":
        (tmp_path / "0.jsonl").write_text("\n".join(map(json.dumps, records(7))) + "\n")
        with pytest.raises(LabelError, match="not what they were when they were scanned"):
            sample_round(root, found, pack, name="later", size=1000)
        assert free_name(root) == "round-3"


def test_documents_read_whole_give_rows_of_documents(audit: Audit, pack: Pack, tmp_path: Path) -> None:
    """Every document read: the planted truth, 2 of 3 documents hold a robot."""
    for shard in (0, 1):
        write(tmp_path, shard)
    root, found = audit()
    assert corpus_row(root, found, pack, "documents")["prevalence"] is None
    drawn = sample_round(root, found, pack, name="docs", size=1000, of="documents")
    assert drawn.documents == 24
    assert len(drawn.passages) == 32, "every passage of every document"
    answer(root, "docs", pack, drawn.passages, 0.5)
    assert corpus_row(root, found, pack, "documents")["prevalence"] is None, "half of the documents are too few"
    answer(root, "docs", pack, drawn.passages)
    row = corpus_row(root, found, pack, "documents")
    assert row["prevalence"] == pytest.approx(16 / 24)
    assert (row["status"], row["n_labelled"], row["labelled_by"]) == ("calibrated", 24, "me")
    assert row["ci_low"] <= 16 / 24 <= row["ci_high"]
    assert corpus_row(root, found, pack)["status"] == "uncalibrated", (
        "whole documents say nothing of passages by design"
    )


def test_why_shows_labelled_passages_last_and_marked(
    audit: Audit, pack: Pack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, 0)
    root, found = audit()
    drawn = sample_round(root, found, pack, name="r", size=100)
    answer(root, "r", pack, drawn.passages, 0.5)
    app(["why", "all", "--size", "100", "--root", root.uri], standalone_mode=False)
    told = re.findall("not labelled|labelled already: (?:yes|no)", " ".join(capsys.readouterr().out.split()))
    assert len(told) == len(drawn.passages)
    first = told.index(next(t for t in told if t != "not labelled"))
    assert 0 < first < len(told)
    assert "not labelled" not in told[first:]


def test_no_more_labels_are_wanted_than_candidates_wait(audit: Audit, pack: Pack, tmp_path: Path) -> None:
    write(tmp_path, 0)
    root, found = audit()
    before = audits.estimate(root, found, pack)
    candidates = sample_round(root, found, pack, name="r", size=100).passages
    assert before.labels_wanted == len(candidates)
    assert any(f"there are {len(candidates)} candidates" in note for note in before.notes)
    answer(root, "r", pack, candidates, 0.5)
    assert audits.estimate(root, found, pack).labels_wanted == len(candidates) - round(len(candidates) / 2)
    answer(root, "r", pack, candidates)
    after = audits.estimate(root, found, pack)
    assert after.labels_wanted == 0
    audits.write(root, found, after)
    plan = audits.labels_wanted(root, found, pack, 0.2)
    assert (plan.labelled, plan.unlabelled, plan.more) == (len(candidates), 0, 0)


def test_the_plan_says_that_candidates_run_out(
    audit: Audit, pack: Pack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, 0, 500)
    root, found = audit()
    drawn = sample_round(root, found, pack, name="r", size=500).passages["passage_id"].to_list()
    told = [
        {"passage_id": p, **(MIND if i % 3 else NONE)} for i, p in enumerate(drawn[:310])
    ]  # whatever the scores say
    import_labels(root, "r", told, pack, "me")
    audits.write(root, found, audits.estimate(root, found, pack))
    plan = audits.labels_wanted(root, found, pack, 0.01)
    assert plan.needed - plan.labelled > plan.unlabelled == plan.more > 0
    app(["label", "plan", "--half-width", "0.01", "--root", root.uri], standalone_mode=False)
    assert f"Only {plan.unlabelled} candidates are not labelled yet" in " ".join(capsys.readouterr().out.split())


def test_a_source_field_that_no_document_has_is_told(audit: Audit, pack: Pack, tmp_path: Path) -> None:
    rows = [{**r, "topic": "" if i else "law", "sort": None} for i, r in enumerate(records(0))]
    (tmp_path / "0.jsonl").write_text("\n".join(map(json.dumps, rows)))
    root, found = audit(source_fields=["topic", "sort", "nosuch"])
    told = [n for n in audits.estimate(root, found, pack).notes if n.startswith("source_fields")]
    assert [re.findall("value of (.*?):", n)[0] for n in told] == ["nosuch", "sort"]


def test_mistakes_are_told_before_anything_is_drawn(audit: Audit, pack: Pack, tmp_path: Path) -> None:
    write(tmp_path, 0)
    root, found = audit()
    for wrong, told in (
        ({"by": "colour"}, "no dimension 'colour'"),
        ({"label": "colour"}, "no label 'colour'"),
        ({"of": "books"}, "no unit of a round 'books'"),
        ({"role": "both"}, "no role 'both'"),
    ):
        with pytest.raises(UsageError, match=told):
            sample_round(root, found, pack, **{"name": "r", "size": 5, **wrong})  # type: ignore[arg-type]
    with pytest.raises(LabelError, match="cannot be called"):
        sample_round(root, found, pack, name="A b", size=5)
    assert free_name(root) == "round-1"


def test_settings_are_of_the_root_where_it_lies(audit: Audit, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": ROBOT}) + "\n", "utf-8")
    root, described = audit()
    moved = Root(shutil.copytree(root.path, tmp_path / "moved"))
    assert settings(moved, described) == settings(root, described).model_copy(update={"output": moved.uri})
    shutil.rmtree(tmp_path / "moved" / "runs")
    with pytest.raises(LabelError, match="no run of audit"):
        settings(moved, described)
