"""Several trainings as one: the mean of their weights, and what has none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from corpus_tools.classifier import Classifier, load_classifier
from corpus_tools.classifier.annotations import read_jsonl
from corpus_tools.classifier.average import average
from corpus_tools.classifier.model import read_card, specs
from corpus_tools.classifier.publish import publish
from corpus_tools.classifier.train import MINILM
from corpus_tools.config import ClassifierConfig
from corpus_tools.errors import LabelError
from corpus_tools.pack import Pack, file_sha256
from tests.conftest import BREAD, ROBOT

PAIRS = Path(__file__).parents[2] / "data" / "seed" / "pairs.jsonl"
Rows = list[dict[str, object]]


@pytest.fixture(scope="module")
def held() -> Rows:
    """Synthetic pairs, to show the mechanism: what calibrates here says nothing of quality."""
    return [row | {"split": "validation", "document_id": row["pair"]} for row in read_jsonl(PAIRS)[:60]]


@pytest.fixture(scope="module")
def shifted(pack: Pack, classifier: Classifier, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pack's own weights, every one of the encoder's 1/64 higher, under heads twice as steep."""
    folder = tmp_path_factory.mktemp("shifted")
    card, source = read_card(pack, ClassifierConfig())
    (spec,) = specs(card["weights"], source)
    state = {name: (value + np.float16(1 / 64)) for name, value in load_file(spec.tuned).items()}
    save_file(state, folder / "encoder.safetensors")
    mine = replace(spec, tuned="encoder.safetensors", tuned_sha256=file_sha256(folder / "encoder.safetensors"))
    publish(replace(classifier.heads, coef=2 * classifier.heads.coef), mine, {}, {}, folder)
    return folder


def test_the_mean_of_two_trainings(
    pack: Pack, classifier: Classifier, shifted: Path, held: Rows, tmp_path: Path
) -> None:
    evaluation = average(pack, ["pack", str(shifted)], held, [], tmp_path, [3, 1])
    assert evaluation["passages"] == 60
    card, source = read_card(pack, ClassifierConfig())
    own, mean = load_file(specs(card["weights"], source)[0].tuned), load_file(tmp_path / "encoder.safetensors")
    assert set(mean) == set(own)
    for name, value in mean.items():
        assert value.dtype == np.float16
        assert value.astype(float) == pytest.approx(own[name].astype(float) + 1 / 256, abs=4e-3)
    found = load_classifier(pack, ClassifierConfig(model=str(tmp_path)))
    assert found.heads.coef == pytest.approx(classifier.heads.coef * 1.25, rel=1e-5)
    assert found.classifier_id != classifier.classifier_id
    assert found.score([ROBOT, BREAD]).shape == (2, len(pack.labels))


def test_a_model_averaged_with_itself_is_itself(pack: Pack, classifier: Classifier, held: Rows, tmp_path: Path) -> None:
    average(pack, ["pack", "pack"], held, [], tmp_path)
    found = load_classifier(pack, ClassifierConfig(model=str(tmp_path)))
    assert found.heads.logits(found.features([ROBOT])) == pytest.approx(
        classifier.heads.logits(classifier.features([ROBOT])), abs=1e-3
    )


def test_what_has_no_mean_is_refused(pack: Pack, classifier: Classifier, held: Rows, tmp_path: Path) -> None:
    publish(classifier.heads, MINILM, {}, {}, tmp_path / "untuned")
    output = tmp_path / "out"
    for models, weights, words in (
        (["pack"], [], "nothing to average"),
        (["pack", "pack"], [1], "1 weights for 2 models"),
        (["pack", "pack"], [1, 0], "2 weights for 2 models"),
        (["pack", "accurate"], [], "not trainings of one recipe"),
        (["pack", str(tmp_path / "untuned")], [], "not trainings of one recipe"),
    ):
        with pytest.raises(LabelError, match=words):
            average(pack, models, held, [], output, weights)
    with pytest.raises(LabelError, match="nothing to calibrate on"):
        average(pack, ["pack", "pack"], [row | {"split": "train"} for row in held], [], output)
    assert not output.exists()
