"""Texts -> vectors, by sentence-transformers, on the device and in the precision asked for. Knows no labels and no corpus nouns."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from corpus_tools.encoder_files import WEIGHTS, EncoderSpec, checked, model_folder
from corpus_tools.errors import PackError

Vectors = np.ndarray[tuple[int, int], np.dtype[np.float32]]


class Encoder:
    """An encoder in torch. `precision` fp32 or bf16; `device` '' takes cuda where there is one."""

    def __init__(self, spec: EncoderSpec, *, precision: str = "fp32", device: str = "", batch: int = 32) -> None:
        folder = model_folder(spec)
        checked(folder / WEIGHTS, spec.sha256)
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
            _tune(body.auto_model, checked(Path(spec.tuned), spec.tuned_sha256))
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


class SideBySide:
    """Several encoders as one: the features of each, one beside the other."""

    def __init__(self, encoders: Sequence[Any]) -> None:
        self.encoders = tuple(encoders)
        self.dimension: int = sum(encoder.dimension for encoder in self.encoders)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Texts [n] -> vectors [n, sum of the dimensions], float32."""
        return np.hstack([encoder.encode(texts) for encoder in self.encoders])


def _tune(model: Any, path: Path) -> None:
    """Puts tuned weights into a model: `X` replaces its X; `X.down` [r, in] and `X.up` [out, r] add up·down to X.weight [out, in].

    Raises PackError where the file speaks of weights that the model does not have.
    """
    from safetensors.torch import load_file

    own = model.state_dict()
    tuned = {name: value.float() for name, value in load_file(path).items()}
    for name, value in tuned.items():
        layer, _, kind = name.rpartition(".")
        if name in own:
            own[name].copy_(value)
        elif kind == "down" and f"{layer}.weight" in own and f"{layer}.up" in tuned:
            own[f"{layer}.weight"].add_(tuned[f"{layer}.up"] @ value)
        elif not (kind == "up" and f"{layer}.down" in tuned):
            raise PackError(f"tuned weights {name!r} of another model", where=str(path), todo="Train again.")


def limit_threads(threads: int) -> None:
    """Threads of encoders loaded from now on in this process, so that workers side by side do not oversubscribe the cores."""
    global _threads
    _threads = max(1, threads)


def threads() -> int:
    """What `limit_threads` said; 0 where it was not called."""
    return _threads


_threads = 0
