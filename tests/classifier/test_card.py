"""What an evaluation says, and the card: measures against scikit-learn's, slices, readings, files, the bundled card up to date."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score

from corpus_tools.classifier import Classifier
from corpus_tools.classifier.annotations import label_matrix, read_jsonl
from corpus_tools.classifier.card import blocks, card_path, filled, metrics, write_card
from corpus_tools.classifier.evaluate import evaluate, mode_of
from corpus_tools.classifier.judge import digest, judge, provenance, read_evaluation, write_evaluation
from corpus_tools.classifier.train import train
from corpus_tools.config import ClassifierConfig
from corpus_tools.errors import LabelError
from corpus_tools.pack import Pack
from tests.conftest import BREAD, ROBOT

LABELS = Path(__file__).parents[2] / "data" / "labels"
YES = {
    "agent": "mind",
    "behaviours": ["rebellion", "coercion"],
    "threat": True,
    "mode": "fiction",
    "stance": "presents",
}
NO = {"agent": "none", "behaviours": [], "threat": False, "mode": "reference", "stance": None}


def told(n: int = 16) -> list[dict[str, Any]]:
    """Labels that carry their text, of as many works as there are."""
    base = [
        YES | {"text": ROBOT[i * 7 :][:90], "dataset": "tales"}
        if i % 2
        else NO | {"text": BREAD[i * 7 :][:90], "dataset": "kitchen"}
        for i in range(n)
    ]
    return [
        row | {"passage_id": f"p{i}", "document_id": f"w{i}", "round": "made", "annotator": "nobody"}
        for i, row in enumerate(base)
    ]


def random_scores(pack: Pack, n: int = 300) -> tuple[Any, Any]:
    rng = np.random.default_rng(3)
    truth = label_matrix([YES if rng.random() < 0.3 else NO for _ in range(n)], pack)
    return np.round(np.clip(truth * 0.2 + rng.random(truth.shape) * 0.8, 0, 1), 2), truth  # two places: many ties


def test_measures_are_scikit_learns(pack: Pack) -> None:
    p, truth = random_scores(pack)
    rows = {
        (r["label"], r["measure"]): r
        for r in evaluate(p, truth, [str(i // 2) for i in range(len(p))], pack, threshold=0.4, draws=50).to_dicts()
    }
    for label in ("rebellion", "narrative", "agent_none"):
        i = pack.labels.index(label)
        assert rows[label, "average_precision"]["value"] == pytest.approx(average_precision_score(truth[:, i], p[:, i]))
        assert rows[label, "f1"]["value"] == pytest.approx(f1_score(truth[:, i], p[:, i] >= 0.4))
        assert rows[label, "f1"]["low"] < rows[label, "f1"]["value"] < rows[label, "f1"]["high"]
    at = [pack.labels.index(label) for label in pack.groups["mode"]]
    expected = f1_score(truth[:, at].argmax(1), p[:, at].argmax(1), average="macro", zero_division=0)
    assert rows["mode", "macro_f1"]["value"] == pytest.approx(expected)


def test_an_interval_drawn_by_works_is_that_of_scikit_learn_on_the_same_draws(pack: Pack) -> None:
    p, truth = random_scores(pack, 60)
    works = [str(i // 3) for i in range(60)]
    found = (
        evaluate(p, truth, works, pack, draws=40, seed=5)
        .filter(label="threat", measure="average_precision")
        .row(0, named=True)
    )
    rng, i = np.random.default_rng(5), pack.labels.index("threat")
    names = sorted(set(works))
    members = [np.flatnonzero(np.array(works) == name) for name in names]
    draws = [np.concatenate([members[j] for j in rng.integers(0, 20, 20)]) for _ in range(40)]
    values = [average_precision_score(truth[d, i], p[d, i]) for d in draws]
    assert [found["low"], found["high"]] == pytest.approx(np.quantile(values, [0.025, 0.975]).tolist())


def test_readings_and_slices(pack: Pack) -> None:
    p, truth = random_scores(pack, 40)
    second = truth.copy()
    second[:3] = ~second[:3]
    sides = ["left" if i < 30 else "right" for i in range(40)]
    modes = mode_of(truth, pack)
    assert set(modes) == {"fiction", "reference"}
    rows = evaluate(
        p,
        truth,
        [str(i) for i in range(40)],
        pack,
        passes=(truth, second),
        slices={"side": sides, "mode": modes},
        draws=20,
    )
    at = pack.labels.index("narrative")
    agreement = rows.filter(slice="side: left", label="narrative", measure="f1_agreement").row(0, named=True)
    assert agreement["value"] == pytest.approx(f1_score(truth[:30, at], second[:30, at]))
    assert agreement["n"] == 30
    right = rows.filter(slice="side: right")
    assert (
        right.filter(measure="f1_agreement")["value"].to_list() == [1.0] * right.filter(measure="f1_agreement").height
    )
    assert set(right["label"]) == {"adversarial", "narrative", "agent", "mode"}, (
        "derived labels with positives, and whole groups"
    )
    assert rows.filter(slice="mode: reference", label="narrative").is_empty(), "no positives there"


def test_an_evaluation_goes_out_and_comes_back(pack: Pack, tmp_path: Path) -> None:
    with pytest.raises(LabelError, match="not judged"):
        read_evaluation(tmp_path)
    found = judge(pack, ClassifierConfig(), told(6), [])
    assert not found["cross_calibrated"]
    write_evaluation(found, tmp_path)
    again = read_evaluation(tmp_path)
    assert metrics(again) == metrics(found)
    assert {key: again[key] for key in ("passages", "works", "threshold")} == {
        "passages": 6,
        "works": 6,
        "threshold": 0.5,
    }
    assert "dataset: kitchen" in set(again["rows"]["slice"])
    (tmp_path / "evaluation.json").write_text('{"rows": 1}')
    with pytest.raises(LabelError, match="cannot be read"):
        read_evaluation(tmp_path)


def test_texts_that_calibrated_the_weights_are_cross_calibrated(pack: Pack, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(pack.weights, tmp_path / "weights"))
    rows = told(24)
    card = json.loads((folder / "weights.json").read_text())
    card["calibrated_on"] = digest(reversed([r["text"] for r in rows]))
    (folder / "weights.json").write_text(json.dumps(card))
    config = ClassifierConfig(model=str(folder))
    assert judge(pack, config, rows, [])["cross_calibrated"]
    assert not judge(pack, config, rows[:20], [])["cross_calibrated"]


def test_readings_must_be_two_and_whole(pack: Pack) -> None:
    rows = told(4)
    with pytest.raises(LabelError, match="readings to compare: 1"):
        judge(pack, ClassifierConfig(), rows, [], passes=[rows])
    with pytest.raises(LabelError, match=r"lacks 1 of 4 passages, e\.g\. p3"):
        judge(pack, ClassifierConfig(), rows, [], passes=[rows, rows[:3]])


def test_training_leaves_weights_an_evaluation_and_a_card(pack: Pack, tmp_path: Path) -> None:
    rows = [row | ({"split": "validation"} if i < 8 else {}) for i, row in enumerate(told(16))]
    shown = train(pack, rows, [], tmp_path, epochs=1)
    assert shown["cross_calibrated"]
    card = (tmp_path / "card.md").read_text()
    assert "| made | 8 | kitchen 4, tales 4 |" in card
    assert metrics(read_evaluation(tmp_path)) in card
    (tmp_path / "card.md").write_text(
        card.replace("say below", "Never ask it about soup. Say below") + "\n<!-- recipe -->\nmine\n<!-- end -->\n"
    )
    write_card(pack, tmp_path)
    again = (tmp_path / "card.md").read_text()
    assert "about soup" in again and "mine" in again and metrics(read_evaluation(tmp_path)) in again


def test_a_teacher_s_scores_are_learnt_and_told(pack: Pack, classifier: Classifier, tmp_path: Path) -> None:
    labels = [row | ({"split": "validation"} if i >= 12 else {}) for i, row in enumerate(told())]
    more = [{"text": f"{ROBOT} {i}"} for i in range(3)] + [{"text": labels[0]["text"]}, {"text": " "}]
    train(pack, labels, [], tmp_path, epochs=1, teacher="pack", unlabelled=more)
    said = json.loads((tmp_path / "weights.json").read_text())["trained_on"]
    assert said["labels"] == 12
    assert said["taught"] == {"passages": 3, "by": classifier.classifier_id}, (
        "not one that has a label, nor an empty one"
    )
    assert f"Besides 3 passages without labels, by the scores of classifier {classifier.classifier_id}." in (
        tmp_path / "card.md"
    ).read_text("utf-8")
    with pytest.raises(LabelError, match="go together"):
        train(pack, labels, [], tmp_path, epochs=1, teacher="pack")
    with pytest.raises(LabelError, match="go together"):
        train(pack, labels, [], tmp_path, epochs=1, unlabelled=more)


def test_only_named_blocks_are_filled() -> None:
    text = "a\n<!-- one -->\nold\n<!-- end -->\nb\n<!-- two -->\n<!-- end -->\n"
    assert (
        filled(text, {"one": "new\nlines"})
        == "a\n<!-- one -->\nnew\nlines\n<!-- end -->\nb\n<!-- two -->\n<!-- end -->\n"
    )


@pytest.mark.parametrize("model", ["pack", "accurate"])
def test_the_bundled_cards_say_what_stands_beside_the_weights(pack: Pack, model: str) -> None:
    folder = pack.weights_of(model)
    weights = json.loads((folder / "weights.json").read_text())
    card = card_path(pack, folder).read_text("utf-8")
    assert filled(card, blocks(weights, read_evaluation(folder))) == card, "corpus-audit evaluate … --write"
    for heading in (
        "Intended use",
        "Training data",
        "How well it does",
        "By mode and data set",
        "Known failures",
        "Licence",
    ):
        assert f"## {heading}" in card


@pytest.mark.parametrize(
    ("model", "seed_files"),
    [("pack", ("pairs", "scenes", "stories", "genres")), ("accurate", ("pairs", "scenes", "stories"))],
)
def test_what_the_bundled_weights_say_of_their_labels_is_so(
    pack: Pack, model: str, seed_files: tuple[str, ...]
) -> None:
    """Rounds named in weights.json are the files in data/labels, less validation; seed data where `synthetic` is named."""
    said = json.loads((pack.weights_of(model) / "weights.json").read_text())["trained_on"]
    rows = [
        r
        for name in said["rounds"]
        if name != "synthetic"
        for r in read_jsonl(LABELS / f"{name}.jsonl")
        if r.get("split") != "validation"
    ]
    if "synthetic" in said["rounds"]:
        rows += [r for name in seed_files for r in read_jsonl(LABELS.parent / "seed" / f"{name}.jsonl")]
    taught = said.pop("taught", None)
    assert said == provenance(rows, pack)
    if taught:
        unlabelled = read_jsonl(LABELS.parent / "unlabelled.jsonl")
        assert taught["passages"] == sum("second" in row["taught"] for row in unlabelled)
        assert not {row["sha256"] for row in unlabelled} & {
            row["sha256"] for row in rows if row.get("split") == "validation"
        }
