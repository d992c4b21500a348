"""Heads, calibration, weights and their hashes, annotations, evaluation, a second pack on another topic, and the fine-tuning."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from safetensors.numpy import load_file

from corpus_tools.classifier import Classifier, load_classifier, score_texts
from corpus_tools.classifier.annotations import join_texts, label_matrix, read_jsonl, text_sha256, true_labels
from corpus_tools.classifier.evaluate import calibration_error, evaluate
from corpus_tools.classifier.fit import calibrate, exhaustive_groups, fit_heads
from corpus_tools.classifier.heads import Heads, calibrated
from corpus_tools.classifier.publish import publish
from corpus_tools.classifier.train import MINILM
from corpus_tools.classifier.tune import Recipe, Tuner
from corpus_tools.config import ClassifierConfig
from corpus_tools.errors import LabelError, PackError
from corpus_tools.pack import Pack, load_pack
from tests.conftest import BREAD, ROBOT

LABELS = Path(__file__).parents[2] / "data" / "labels"


def test_groups_sum_to_one_and_a_score_does_not_depend_on_its_batch(classifier: Classifier, pack: Pack) -> None:
    texts = [ROBOT, BREAD, "x", "", "A. " * 2000, "\x00\x07 مرحبا", "QUJD" * 50]
    together = classifier.score(texts)
    assert_frame_equal(together, pl.concat([classifier.score([t]) for t in texts]), abs_tol=1e-4)
    for group in ("agent", "mode"):
        assert together.select(pl.sum_horizontal(pack.groups[group])).to_series().to_list() == pytest.approx(
            [1] * len(texts), abs=1e-3
        )
    assert together["agent_mind"][0] > together["agent_mind"][1]


def test_score_texts_keeps_order_and_copies(pack: Pack) -> None:
    frame = score_texts([BREAD, ROBOT, BREAD])
    assert frame.columns == list(pack.labels)
    assert frame.row(0) == frame.row(2) != frame.row(1)
    assert score_texts([]).height == 0


def copy_of_weights(pack: Pack, folder: Path) -> Path:
    return Path(shutil.copytree(pack.weights, folder / "weights"))


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("heads", "SHA-256 is"),
        ("missing", "no weights"),
        ("labels", "not the pack's"),
        ("format", "format 99"),
        ("json", "not valid JSON"),
    ],
)
def test_weights_that_are_not_what_they_say(pack: Pack, tmp_path: Path, what: str, told: str) -> None:
    folder = copy_of_weights(pack, tmp_path)
    path = folder / "weights.json"
    card = json.loads(path.read_text())
    if what == "heads":
        (folder / "heads.safetensors").write_bytes(b"changed")
    elif what == "missing":
        path.unlink()
    elif what == "json":
        path.write_text("{")
    else:
        card["labels" if what == "labels" else "format"] = ["a"] if what == "labels" else 99
        path.write_text(json.dumps(card))
    with pytest.raises(PackError, match=told):
        load_classifier(pack, ClassifierConfig(model=str(folder)))


def test_classifier_id_follows_weights_and_precision(pack: Pack, classifier: Classifier) -> None:
    from corpus_tools.classifier.model import read_card

    assert read_card(pack, ClassifierConfig())[0]["classifier_id"] == classifier.classifier_id
    assert read_card(pack, ClassifierConfig(threshold=0.9, batch=7))[0]["classifier_id"] == classifier.classifier_id
    assert read_card(pack, ClassifierConfig(precision="bf16"))[0]["classifier_id"] != classifier.classifier_id


def test_annotations_become_labels(pack: Pack) -> None:
    record = {
        "agent": "mind",
        "behaviours": ["deception"],
        "threat": True,
        "mode": "report",
        "stance": "mixed",
        "sure": 3,
        "pass": 1,
    }
    assert true_labels(record, pack) == {
        "agent_mind", "deception", "threat", "mode_report", "stance_mixed", "adversarial", "narrative", "outcome_resists",
    }  # fmt: skip
    with pytest.raises(LabelError, match="unknown label mode_novel"):
        true_labels({"mode": "novel"}, pack)


def test_labels_must_fit_their_texts(tmp_path: Path) -> None:
    labels = [{"passage_id": "a", "sha256": text_sha256(ROBOT)}]
    assert join_texts(labels, [{"passage_id": "a", "text": ROBOT}])["text"].to_list() == [ROBOT]
    assert join_texts([{"agent": "none", "text": BREAD}, *labels], [{"passage_id": "a", "text": ROBOT}]).rows() == [
        (0, BREAD),
        (1, ROBOT),
    ]
    with pytest.raises(LabelError, match="SHA-256 differs"):
        join_texts(labels, [{"passage_id": "a", "text": BREAD}])
    with pytest.raises(LabelError, match="no text for passage a"):
        join_texts(labels, [])
    with pytest.raises(LabelError, match="text 2 of those given is no passage"):
        join_texts(labels, [{"passage_id": "a", "text": ROBOT}, {"text": BREAD}])
    (tmp_path / "x.jsonl").write_text("{}\n[1]\n")
    with pytest.raises(LabelError, match="line 2"):
        read_jsonl(tmp_path / "x.jsonl")


def test_the_labels_in_the_repository_hold_no_text_and_fit_the_codebook(pack: Pack) -> None:
    files = sorted(LABELS.glob("*.jsonl"))
    assert len(files) >= 4
    for path in files:
        records = read_jsonl(path)
        assert not any("text" in r for r in records)
        assert all(len(r["sha256"]) == 64 and "language model" in r["annotator"] for r in records)
        truth = label_matrix(records, pack)
        adversarial = truth[:, pack.labels.index("adversarial")]
        stance = truth[:, [pack.labels.index(label) for label in pack.groups["stance"]]].sum(axis=1)
        assert (stance[adversarial] == 1).all()


def test_no_work_of_the_validation_split_is_trained_on() -> None:
    gold = read_jsonl(LABELS / "gold.jsonl")
    train = {r["document_id"] for r in gold if r["split"] == "train"} | {
        r["document_id"] for r in read_jsonl(LABELS / "round0.jsonl")
    }
    assert not train & {r["document_id"] for r in gold if r["split"] == "validation"}


def test_calibration_mends_logits_that_are_too_sure() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(4000, 1))
    truth = rng.random((4000, 1)) < 1 / (1 + np.exp(-z))
    scale, shift = calibrate(4 * z + 2, truth, [])
    assert scale[0] == pytest.approx(0.25, abs=0.04)
    assert shift[0] == pytest.approx(-0.5, abs=0.12)
    p = calibrated((4 * z + 2).astype(np.float32), scale.astype(np.float32), shift.astype(np.float32), [])
    assert calibration_error(p[:, 0], truth[:, 0]) < 0.02
    assert calibration_error(np.clip(p[:, 0] + 0.2, 0, 1), truth[:, 0]) > 0.1


WEATHER = {
    "storm": [
        "Thunder rolled over the bay and hail broke the greenhouse.",
        "The gale took the roof off the barn.",
        "Lightning struck the old oak twice.",
        "Floods closed the coast road after the storm.",
    ],
    "calm": [
        "The lake lay flat and bright all morning.",
        "A mild day, with hardly a breath of wind.",
        "Clear skies and gentle sun until evening.",
        "Soft air, no cloud, and the flags hung still.",
    ],
}


def test_a_pack_on_another_topic_is_fitted_published_and_used(tmp_path: Path) -> None:
    """Library code names no label: a tiny pack about weather goes the whole way."""
    folder = tmp_path / "weather"
    folder.mkdir()
    (folder / "pack.toml").write_text(
        'name = "weather"\nversion = 1\ntitle = "w"\nlabels = ["sky_storm", "sky_calm", "damage", "alarm"]\n'
        '[groups]\nsky = ["sky_storm", "sky_calm"]\n'
        '[derived.alarm]\nall_of = ["sky_storm", "damage"]\n[questions]\nheadline = "alarm"\n'
    )
    (folder / "lexicon.toml").write_text('[groups.words]\nphrases = ["storm(s)", "gale(s)", "thunder", "lightning"]\n')
    pack = load_pack(str(tmp_path / "weather"))
    texts, records = [], []
    for sky, said in WEATHER.items():
        for i, text in enumerate(said):
            texts.append(text)
            records.append({"sky": sky, "damage": sky == "storm" and i < 3})
    truth = label_matrix(records, pack)
    from corpus_tools.embed import Encoder

    features = Encoder(MINILM).encode(texts)
    heads, _ = fit_heads(features, truth, [str(i % 4) for i in range(len(texts))], pack, strength=20)
    publish(
        heads, MINILM, dict(zip(pack.labels, truth.mean(axis=0), strict=True)), {"labels": len(texts)}, pack.weights
    )
    scores = load_classifier(pack).score(["A hurricane tore down the pier.", "Warm, still and sunny."])
    assert scores["sky_storm"][0] > 0.5 > scores["sky_storm"][1]


def test_a_label_with_one_class_only_gets_its_smoothed_rate(pack: Pack) -> None:
    rng = np.random.default_rng(1)
    truth = np.zeros((40, len(pack.labels)), dtype=bool)
    truth[:, pack.labels.index("agent_none")] = True
    truth[:, pack.labels.index("mode_fiction")] = True
    truth[:20, pack.labels.index("rebellion")] = True
    heads, oof = fit_heads(rng.normal(size=(40, 6)).astype(np.float32), truth, [str(i) for i in range(40)], pack)
    assert heads.coef.shape == (len(pack.labels), 6)
    assert np.isfinite(oof).all()
    assert oof[:, pack.labels.index("coercion")].max() < 0.05


def test_heads_go_out_and_come_back(tmp_path: Path) -> None:
    one = np.ones(2, np.float32)
    heads = Heads(("a", "b"), np.eye(2, dtype=np.float32), one, one, one * 0, ((0, 1),))
    heads.save(tmp_path / "h.safetensors")
    again = Heads.load(tmp_path / "h.safetensors", ("a", "b"), [[0, 1]])
    assert (again.probabilities(np.eye(2, dtype=np.float32)) == heads.probabilities(np.eye(2, dtype=np.float32))).all()
    with pytest.raises(PackError, match="3 labels, but heads for 2"):
        Heads.load(tmp_path / "h.safetensors", ("a", "b", "c"), [])


def test_evaluation_has_intervals_only_where_there_are_positives(pack: Pack) -> None:
    rng = np.random.default_rng(2)
    n = 300
    truth = np.zeros((n, len(pack.labels)), dtype=bool)
    truth[np.arange(n), [pack.labels.index(f"agent_{'none' if i % 3 else 'mind'}") for i in range(n)]] = True
    truth[:, pack.labels.index("mode_fiction")] = True
    truth[::3, pack.labels.index("rebellion")] = True
    truth[:2, pack.labels.index("coercion")] = True
    p = np.clip(truth * 0.6 + rng.random(truth.shape) * 0.4, 0, 1)
    rows = {
        (r["label"], r["measure"]): r
        for r in evaluate(p, truth, [str(i // 4) for i in range(n)], pack, draws=60).to_dicts()
    }
    assert rows["rebellion", "average_precision"]["value"] == 1.0
    assert rows["rebellion", "average_precision"]["low"] is not None
    assert rows["coercion", "average_precision"]["low"] is None
    assert rows["agent", "macro_f1"]["value"] > 0.6
    assert ("threat", "average_precision") not in rows


@pytest.mark.parametrize("rank", [0, 4], ids=["whole layers", "adapters"])
def test_tuning_learns_and_its_weights_load(pack: Pack, tmp_path: Path, rank: int) -> None:
    """Three epochs on 24 texts: it tells them apart, and the published classifier gives the tuner's own logits."""
    texts = [f"{ROBOT[i * 7 :]}" for i in range(12)] + [f"{BREAD[i * 7 :]}" for i in range(12)]
    yes = {"agent": "mind", "behaviours": ["rebellion"], "mode": "fiction", "stance": "presents"}
    no = {"agent": "none", "behaviours": [], "mode": "reference"}
    truth = label_matrix([yes] * 12 + [no] * 12, pack)
    tuner = Tuner(Recipe(MINILM, frozen=3, epochs=12 if rank else 3, rank=rank, rate=3e-3 if rank else 1e-4), pack)
    tuner.read(texts)
    top = tuner.fit(range(24), truth, exhaustive_groups(truth, pack))
    logits = tuner.logits(top, range(24))
    at = pack.labels.index("rebellion")
    assert logits[:12, at].mean() > logits[12:, at].mean() + 1
    spec, heads = tuner.save(top, logits, truth, tmp_path)
    publish(heads, spec, dict(zip(pack.labels, truth.mean(axis=0), strict=True)), {}, tmp_path)
    loaded = load_classifier(pack, ClassifierConfig(model=str(tmp_path)))
    expected = calibrated(logits, heads.scale, heads.shift, heads.groups)
    scored = loaded.score(texts).to_numpy()
    assert np.abs(scored - expected).max() < 0.02, "half floats in the file"
    files = load_file(tmp_path / "encoder.safetensors")
    assert {name.rpartition(".")[2] for name in files} == ({"down", "up"} if rank else {"weight", "bias"})
    if rank:
        assert max(np.abs(value).max() for name, value in files.items() if name.endswith("up")) > 0, "adapters learnt"
