from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from corpus_tools.classifier.annotations import text_sha256
from corpus_tools.classifier.train import refuse_estimates
from corpus_tools.errors import LabelError, UsageError
from corpus_tools.estimate.frames import usable_labels
from corpus_tools.labels import (
    agreement,
    annotation_fields,
    create_round,
    draw_round,
    export_round,
    import_labels,
    label_studio_config,
    labels_table,
    read_answers,
    read_round,
    round_names,
)
from corpus_tools.pack import Pack
from corpus_tools.root import Root
from corpus_tools.sampling import content_hash
from tests.conftest import BREAD, ROBOT

TEXTS = {"p1": ROBOT, "p2": BREAD}
NONE = {"agent": "none", "behaviours": [], "threat": False, "mode": "reference", "stance": None}
MIND = {
    "agent": "mind",
    "behaviours": ["rebellion", "coercion"],
    "threat": True,
    "mode": "fiction",
    "stance": "presents",
}


@pytest.fixture
def root(tmp_path: Path) -> Root:
    root = Root(tmp_path / "root")
    drawn = pl.DataFrame(
        {
            "content": [content_hash(t) for t in TEXTS.values()],
            "passage_id": list(TEXTS),
            "text": list(TEXTS.values()),
            "cell": ["hit|1", "near|0"],
            "probability": [1.0, 0.25],
        }
    )
    create_round(
        root,
        {"round": "one", "role": "estimate", "audit_id": "a", "scan_id": "s", "classifier_id": "c", "shards": ["x"]},
        drawn,
    )
    return root


def answers(*pairs: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"passage_id": p, **a} for p, a in pairs]


def test_the_draw_is_by_content_and_name() -> None:
    rates = pl.DataFrame({"content": [str(i) for i in range(4000)], "cell": "x", "probability": 0.3})
    once, again = draw_round(rates, "a", 0), draw_round(rates.reverse(), "a", 0)
    assert once["content"].to_list() == again["content"].to_list()
    assert abs(len(once) / 4000 - 0.3) < 0.03
    both = set(once["content"]) & set(draw_round(rates, "b", 0)["content"])
    assert abs(len(both) / len(once) - 0.3) < 0.06, "rounds are independent of each other"


def test_answers_come_back_as_labels(root: Root, pack: Pack) -> None:
    done = import_labels(root, "one", answers(("p1", MIND), ("p2", NONE), ("p9", NONE)), pack, "ann")
    assert (done.answered, done.set_aside) == (2, {"not drawn by this round": 1})
    table = labels_table(root, ["one"])
    assert set(table["label"]) == set(pack.labels)
    narrative = (
        table.filter(label="narrative").select("content", "value", "probability", "role", "annotator").sort("value")
    )
    assert narrative.rows() == [
        (content_hash(BREAD), 0.0, 0.25, "estimate", "ann"),
        (content_hash(ROBOT), 1.0, 1.0, "estimate", "ann"),
    ]
    assert read_round(root, "one")[0]["labelled"] == 2


def test_several_annotators_their_mean_and_agreement(root: Root, pack: Pack) -> None:
    import_labels(root, "one", answers(("p1", MIND), ("p2", NONE)), pack, "ann")
    import_labels(root, "one", answers(("p1", NONE), ("p2", NONE)), pack, "bob")
    assert labels_table(root, ["one"]).filter(label="rebellion").sort("value")["value"].to_list() == [0.0, 0.5]
    kappa = agreement(root, "one", pack).filter(label="agent_none").row(0, named=True)
    assert (kappa["passages"], kappa["agree"], kappa["kappa"]) == (2, 0.5, 0.0)
    import_labels(root, "one", answers(("p1", MIND)), pack, "bob")
    kappa = agreement(root, "one", pack).filter(label="agent_none").row(0, named=True)
    assert (kappa["agree"], kappa["kappa"]) == (1.0, 1.0), "an annotator's later answer replaces the earlier"


def test_what_does_not_fit_is_set_aside_and_counted(root: Root, pack: Pack) -> None:
    done = import_labels(
        root,
        "one",
        [
            {"passage_id": "p1", "sha256": "0" * 64, **MIND},
            {"passage_id": "p2", "text": "another", **NONE},
            {"passage_id": "p2"},
        ],
        pack,
        "ann",
    )
    assert (done.answered, done.set_aside) == (0, {"text does not fit its hash": 2, "not filled in": 1})


def test_an_unknown_label_writes_nothing(root: Root, pack: Pack) -> None:
    with pytest.raises(LabelError, match="unknown label agent_robot"):
        import_labels(root, "one", answers(("p2", NONE), ("p1", {"agent": "robot"})), pack, "ann")
    assert labels_table(root, ["one"]).is_empty()


@pytest.mark.parametrize("form", ["jsonl", "csv", "labelstudio"])
def test_files_go_out_and_come_back(form: str, root: Root, pack: Pack, tmp_path: Path) -> None:
    _, drawn = read_round(root, "one")
    texts = {content_hash(t): t for t in TEXTS.values()}
    data = export_round(drawn, texts, pack, form)
    path = tmp_path / {"jsonl": "out.jsonl", "csv": "out.csv", "labelstudio": "out.json"}[form]
    if form == "jsonl":
        rows = [json.loads(line) for line in data.splitlines()]
        filled = [{**r, **(MIND if r["passage_id"] == "p1" else NONE)} for r in rows]
        path.write_text("\n".join(map(json.dumps, filled)))
    elif form == "csv":
        table = list(csv.DictReader(io.StringIO(data.decode())))
        for r in table:
            answer = MIND if r["passage_id"] == "p1" else NONE
            r.update(
                {
                    k: ",".join(v) if isinstance(v, list) else str(v).lower() if isinstance(v, bool) else v or ""
                    for k, v in answer.items()
                }
            )
        out = io.StringIO()
        writer = csv.DictWriter(out, table[0])
        writer.writeheader()
        writer.writerows(table)
        path.write_text(out.getvalue())
    else:
        tasks = json.loads(data)
        for task in tasks:
            answer = MIND if task["data"]["passage_id"] == "p1" else NONE
            result = [
                {"from_name": k, "value": {"choices": v if isinstance(v, list) else [str(v).lower()]}}
                for k, v in answer.items()
                if v not in (None, [])
            ]
            task["annotations"] = [{"result": result}]
        path.write_text(json.dumps(tasks))
    done = import_labels(root, "one", read_answers(path, pack), pack, "ann")
    assert (done.answered, done.set_aside) == (2, {})
    values = labels_table(root, ["one"]).filter(label="outcome_resists").sort("value")["value"].to_list()
    assert values == [0.0, 1.0]


@pytest.mark.parametrize("form", ["jsonl", "csv", "labelstudio"])
def test_a_file_as_it_went_out_answers_nothing(form: str, root: Root, pack: Pack, tmp_path: Path) -> None:
    """Blank rows are no negatives."""
    _, drawn = read_round(root, "one")
    path = tmp_path / {"jsonl": "out.jsonl", "csv": "out.csv", "labelstudio": "out.json"}[form]
    path.write_bytes(export_round(drawn, {content_hash(t): t for t in TEXTS.values()}, pack, form))
    done = import_labels(root, "one", read_answers(path, pack), pack, "ann")
    assert (done.answered, done.labelled, done.set_aside) == (0, 0, {"not filled in": 2})


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({**NONE, "agent": "robot"}, "unknown label agent_robot; expected agent: none | tool | mind"),
        ({**NONE, "behaviours": ["revolt"]}, "unknown label revolt"),
        ({**NONE, "threat": "perhaps"}, "threat is 'perhaps'; expected true or false"),
        (
            {"agent": "mind", "behaviors": ["rebellion"], "threat": True, "mode": "fiction", "stance": None},
            "no field behaviours",
        ),
    ],
)
def test_a_value_that_is_no_answer_refuses_the_file(answer: dict[str, Any], told: str, root: Root, pack: Pack) -> None:
    with pytest.raises(LabelError) as caught:
        import_labels(root, "one", answers(("p2", NONE), ("p1", answer)), pack, "ann")
    assert told in str(caught.value)
    assert "passage p1" in str(caught.value)
    assert labels_table(root, ["one"]).is_empty()


def test_case_and_spaces_and_lists_as_text_do_not_matter(root: Root, pack: Pack) -> None:
    told = {
        "agent": " Mind",
        "behaviours": "rebellion; Coercion",
        "threat": "TRUE",
        "mode": "Fiction",
        "stance": "presents",
    }
    import_labels(root, "one", answers(("p1", told)), pack, "ann")
    true = set(labels_table(root, ["one"]).filter(pl.col("value") == 1)["label"])
    assert {"agent_mind", "rebellion", "coercion", "threat", "mode_fiction", "narrative"} <= true


def test_answers_in_part_of_another_round_and_twice_are_told_apart(root: Root, pack: Pack) -> None:
    done = import_labels(
        root,
        "one",
        answers(("p1", MIND), ("p1", NONE), ("p2", {**NONE, "mode": None}), ("p2", {**NONE, "round": "two"})),
        pack,
        "ann",
    )
    assert done.set_aside == {
        "answered more than once in the file (the last stands)": 1,
        "answered in part: no mode": 1,
        "drawn by the round two, not one": 1,
    }
    assert (done.answered, done.labelled, done.drawn) == (1, 1, 2)
    assert labels_table(root, ["one"]).filter(label="narrative")["value"].to_list() == [0.0]


def test_annotators_that_contradict_each_other_are_counted(root: Root, pack: Pack) -> None:
    import_labels(root, "one", answers(("p1", MIND), ("p2", NONE)), pack, "ann")
    done = import_labels(root, "one", answers(("p1", NONE), ("p2", NONE)), pack, "bob")
    assert done.differing["narrative"] == 1
    assert "agent_tool" not in done.differing


def test_half_of_a_round_counts_as_drawn_at_half_the_rate(root: Root, pack: Pack) -> None:
    four = [f"{ROBOT} {i}" for i in range(4)]
    drawn = pl.DataFrame({"content": [content_hash(t) for t in four], "passage_id": list("abcd"), "text": four})
    drawn = drawn.with_columns(cell=pl.lit("hit|1"), probability=pl.lit(0.8))
    create_round(root, {"round": "four", "role": "estimate", "shards": ["x"]}, drawn)
    import_labels(root, "four", answers(("a", MIND), ("b", MIND)), pack, "ann")
    assert labels_table(root, ["four"])["probability"].unique().to_list() == [0.4]
    import_labels(root, "four", answers(("c", NONE), ("d", NONE)), pack, "ann")
    assert labels_table(root, ["four"])["probability"].unique().to_list() == [0.8]


def test_label_studio_asks_what_is_read_and_keeps_every_annotator(root: Root, pack: Pack, tmp_path: Path) -> None:
    shown = label_studio_config(pack)
    assert set(re.findall(r'<Choices name="(\w+)"', shown)) == set(annotation_fields(pack))
    assert '<Choice value="about_fiction"/>' in shown

    def said(agent: str) -> list[dict[str, Any]]:
        return [
            {"from_name": field, "value": {"choices": [value]}}
            for field, value in (("agent", agent), ("mode", "fiction"), ("threat", "false"))
        ]

    annotations = [
        {"result": said("mind"), "completed_by": {"id": 1, "email": "a@example.org"}},
        {"result": said("none"), "completed_by": 2},
        {"result": said("tool"), "completed_by": 3, "was_cancelled": True},
    ]
    path = tmp_path / "export.json"
    path.write_text(json.dumps([{"data": {"passage_id": "p1"}, "annotations": annotations}]))
    import_labels(root, "one", read_answers(path, pack), pack, "ann")
    row = labels_table(root, ["one"]).filter(label="agent_mind").row(0, named=True)
    assert (row["value"], row["annotator"]) == (0.5, "2+a@example.org")


@pytest.mark.parametrize(
    ("name", "body", "told"),
    [
        ("a.jsonl", "", "no answers in it"),
        ("a.jsonl", '{"text": "x"}', "no field passage_id"),
        ("a.json", '{"tasks": 1}', "no Label Studio export"),
        ("a.json", "{", "cannot be read"),
        ("a.csv", "passage_id\n", "no answers in it"),
        ("b.csv", None, "no such file"),
    ],
)
def test_files_that_are_none(name: str, body: str | None, told: str, pack: Pack, tmp_path: Path) -> None:
    if body is not None:
        (tmp_path / name).write_text(body)
    with pytest.raises(LabelError, match=told):
        read_answers(tmp_path / name, pack)


def test_labels_for_estimates_never_train_and_labels_for_training_never_correct(root: Root, pack: Pack) -> None:
    _, drawn = read_round(root, "one")
    rows = [json.loads(x) for x in export_round(drawn, {}, pack, "jsonl", read_round(root, "one")[0]).splitlines()]
    assert {r["role"] for r in rows} == {"estimate"}
    with pytest.raises(LabelError, match="2 labels have the role estimate"):
        refuse_estimates(rows)
    refuse_estimates([{**r, "role": "train"} for r in rows])
    train = pl.DataFrame({"content": ["c"], "passage_id": ["t"], "text": [ROBOT], "cell": ["x"], "probability": [1.0]})
    create_round(root, {"round": "fit", "role": "train", "shards": ["x"]}, train)
    import_labels(root, "fit", answers(("t", MIND)), pack, "ann")
    kept, aside = usable_labels(labels_table(root, ["fit"]))
    assert kept.is_empty()
    assert aside == {"role is not estimate": 1}


def test_names_roles_and_repeats_are_checked(root: Root) -> None:
    rule = {"round": "one", "role": "estimate"}
    empty = pl.DataFrame(
        schema=dict.fromkeys(("content", "passage_id", "text", "cell"), pl.String) | {"probability": pl.Float64}
    )
    with pytest.raises(LabelError, match="exists"):
        create_round(root, rule, empty)
    with pytest.raises(LabelError, match="cannot be called"):
        create_round(root, rule | {"round": "../x"}, empty)
    with pytest.raises(UsageError, match="no role"):
        create_round(root, rule | {"round": "two", "role": "both"}, empty)
    with pytest.raises(LabelError, match="one of: one"):
        read_round(root, "two")
    assert round_names(root) == ["one"]


def test_no_agreement_without_a_second_annotator(root: Root, pack: Pack) -> None:
    import_labels(root, "one", answers(("p1", MIND)), pack, "ann")
    with pytest.raises(LabelError, match="no passage labelled by two"):
        agreement(root, "one", pack)


def test_fields_to_fill_in(pack: Pack) -> None:
    fields = annotation_fields(pack)
    assert fields["agent"] == "none | tool | mind"
    assert fields["threat"] == "true | false"
    assert "principle" in fields["behaviours"]
    assert "narrative" not in fields["behaviours"]


def test_hashes_are_of_the_text(root: Root) -> None:
    assert read_round(root, "one")[1]["sha256"].to_list() == [text_sha256(ROBOT), text_sha256(BREAD)]
