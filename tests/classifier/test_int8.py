"""The encoder in eight bits: near the scores in fp32, another id, and refused where the graph is missing or is not what it should be."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from corpus_tools import compiled
from corpus_tools.classifier import Classifier, load_classifier
from corpus_tools.classifier.annotations import read_jsonl
from corpus_tools.classifier.model import read_card
from corpus_tools.classifier.publish import publish
from corpus_tools.classifier.quantize import quantize
from corpus_tools.classifier.train import MINILM
from corpus_tools.compiled import CompiledEncoder
from corpus_tools.config import ClassifierConfig, parse_config
from corpus_tools.embed import SideBySide
from corpus_tools.errors import ConfigError, LabelError, PackError
from corpus_tools.pack import Pack, file_sha256
from tests.conftest import BREAD, ROBOT

INT8 = ClassifierConfig(precision="int8")
SCENES = Path(__file__).parents[2] / "data" / "seed" / "scenes.jsonl"
LONG = [row["text"] for row in read_jsonl(SCENES)[:360:9]]
TEXTS = [ROBOT, BREAD, *LONG[:8]]


@pytest.fixture(scope="module")
def eight(pack: Pack) -> Classifier:
    return load_classifier(pack, INT8)


@pytest.fixture
def copied(pack: Pack, tmp_path: Path) -> Path:
    """The pack's weights in a folder of their own."""
    return Path(shutil.copytree(pack.weights, tmp_path / "weights"))


def test_scores_are_near_those_in_fp32(eight: Classifier, classifier: Classifier) -> None:
    """Measured: 0.009 in the mean and 0.07 at most on these, 0.005 and 0.13 on the 402 validation passages."""
    apart = np.abs(eight.score(TEXTS).to_numpy() - classifier.score(TEXTS).to_numpy())
    assert 0 < apart.mean() < 0.03
    assert apart.max() < 0.3


def test_a_score_does_not_depend_on_its_batch(eight: Classifier) -> None:
    """It would by up to 0.03, were texts padded to the longest of them only: sums would end in other bits, and values on other steps."""
    texts = ["", "Robots.", "🤖" * 300, *(text[: 40 + 30 * i] for i, text in enumerate(LONG))]
    together = eight.score(texts).to_numpy()
    alone = np.concatenate([eight.score([text]).to_numpy() for text in texts])
    turned = eight.score(texts[::-1]).to_numpy()[::-1]
    assert np.abs(together - alone).max() <= 1e-4 + 1e-7
    assert np.abs(together - turned).max() <= 1e-4 + 1e-7


def test_the_id_is_of_the_graph_in_int8_only(pack: Pack, copied: Path) -> None:
    def ids() -> dict[str, str]:
        return {
            p: read_card(pack, ClassifierConfig(model=str(copied), precision=p))[0]["classifier_id"]
            for p in ("fp32", "bf16", "int8")
        }

    first = ids()
    assert len(set(first.values())) == 3
    path = copied / "weights.json"
    weights = json.loads(path.read_text())
    weights["int8"][0]["bin_sha256"] = "0" * 64
    path.write_text(json.dumps(weights))
    assert ids()["int8"] != first["int8"]
    del weights["int8"]
    path.write_text(json.dumps(weights))
    for precision in ("fp32", "bf16"):
        again = read_card(pack, ClassifierConfig(model=str(copied), precision=precision))[0]
        assert again["classifier_id"] == first[precision]
    with pytest.raises(PackError, match="no graph in int8") as refused:
        load_classifier(pack, ClassifierConfig(model=str(copied), precision="int8"))
    assert "precision: bf16" in refused.value.todo and "corpus-audit quantize" in refused.value.todo


@pytest.mark.parametrize("name", ["int8.xml", "int8.bin"])
def test_a_file_that_is_not_what_it_says_is_not_loaded(pack: Pack, copied: Path, name: str) -> None:
    config = ClassifierConfig(model=str(copied), precision="int8")
    (copied / name).write_bytes((copied / name).read_bytes()[:-1])
    with pytest.raises(PackError, match="SHA-256 is"):
        load_classifier(pack, config)
    (copied / name).unlink()
    with pytest.raises(PackError, match=f"{name}: no such file of weights"):
        load_classifier(pack, config)


@pytest.mark.parametrize(
    "other", [{"engine": "torch"}, {"device": "cuda"}, {"engine": "torch", "device": "cpu"}], ids=str
)
def test_torch_has_no_int8(other: dict[str, str]) -> None:
    raw = {"name": "a", "output": "o", "corpus": ["s3://b/a.jsonl"], "classifier": {"precision": "int8", **other}}
    with pytest.raises(ConfigError, match=r"int8 is OpenVINO's: leave .* out, or set precision: bf16"):
        parse_config(raw, where="test")


def test_openvino_is_taken_even_where_a_gpu_is(pack: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "_gpu", lambda: True)
    assert isinstance(load_classifier(pack, INT8).encoder, CompiledEncoder)


def test_scoring_needs_neither_nncf_nor_torch() -> None:
    code = (
        "import sys\n"
        "sys.modules['nncf'] = None\n"
        "from corpus_tools.classifier import score_texts\n"
        "from corpus_tools.config import ClassifierConfig\n"
        "assert len(score_texts(['A robot.'], config=ClassifierConfig(precision='int8'))) == 1\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_quantizing_says_what_it_lacks(pack: Pack, copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sorted((p.name, file_sha256(p)) for p in copied.iterdir())
    with pytest.raises(LabelError, match="no texts to quantize by"):
        quantize(pack, str(copied), [])
    monkeypatch.setitem(sys.modules, "nncf", None)
    with pytest.raises(PackError, match="nncf, which is not installed") as refused:
        quantize(pack, str(copied), TEXTS)
    assert "pip install 'corpus-audit[quantize]'" in refused.value.todo
    assert sorted((p.name, file_sha256(p)) for p in copied.iterdir()) == before


def test_where_nothing_can_be_written_the_model_stays_what_it_was(pack: Pack, copied: Path) -> None:
    pytest.importorskip("nncf")
    (copied / "int8.xml").unlink()
    (copied / "int8.xml").mkdir()
    before = file_sha256(copied / "weights.json")
    with pytest.raises(PackError, match="the graph cannot be written"):
        quantize(pack, str(copied), TEXTS, samples=2)
    assert file_sha256(copied / "weights.json") == before


def test_a_stack_is_quantized_an_encoder_a_graph(
    pack: Pack, classifier: Classifier, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("nncf")
    heads = type(classifier.heads)(
        pack.labels,
        np.random.default_rng(0).normal(size=(len(pack.labels), 768)).astype(np.float32),
        *(np.full(len(pack.labels), value, np.float32) for value in (0.5, 2.0, -1.0)),
        classifier.heads.groups,
    )
    publish(heads, [MINILM, MINILM], {}, {}, tmp_path)
    apart = quantize(pack, str(tmp_path), TEXTS, samples=4)
    assert 0 < apart["mean"] < apart["largest"] < 0.5
    assert capfd.readouterr().out == ""
    loaded = load_classifier(pack, ClassifierConfig(model=str(tmp_path), precision="int8"))
    assert isinstance(loaded.encoder, SideBySide)
    assert loaded.score(TEXTS).shape == (len(TEXTS), len(pack.labels))
    told = json.loads((tmp_path / "weights.json").read_text())["int8"]
    assert [(g["xml"], g["bin"]) for g in told] == [("int8-1.xml", "int8-1.bin"), ("int8-2.xml", "int8-2.bin")]
    for kind in ("xml", "bin"):
        assert told[0][f"{kind}_sha256"] == told[1][f"{kind}_sha256"], (
            "the same encoder by the same texts: the same bytes"
        )
    assert not [p for p in tmp_path.iterdir() if p.is_dir()]


def test_nncf_tells_nobody() -> None:
    """Outside pytest, where it would."""
    pytest.importorskip("nncf")
    code = (
        "from corpus_tools.classifier import quantize\n"
        "quantize._nncf()\n"
        "from nncf.telemetry.wrapper import NNCFTelemetryStub, telemetry\n"
        "assert isinstance(telemetry, NNCFTelemetryStub)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
