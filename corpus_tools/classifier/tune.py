"""Texts and annotations -> a fine-tuned encoder with its heads: the top layers learn, the lower ones stay and are run once.

The top layers learn as wholes or, where `Recipe.rank` says so, by adapters (LoRA: Hu et al. 2021, arXiv:2106.09685), which keep the file
small over a large base. One multi-label head over mean and max pooling: a logistic loss per label, a softmax per exhaustive group.
Calibrated on works that the encoder never saw.
"""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from corpus_tools.classifier.fit import calibrated_heads
from corpus_tools.classifier.heads import Heads
from corpus_tools.encoder_files import TUNED, WEIGHTS, EncoderSpec, checked, model_folder
from corpus_tools.pack import Pack, file_sha256

log = logging.getLogger(__name__)

BATCH = 16
HEAD_RATE = 2e-3
ADAPTER_SCALE = 2.0  # of an adapter's product while it learns; folded into the file

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Recipe:
    """What is tuned of which encoder, and how: `frozen` lower layers; adapters of `rank`, or whole layers at 0; learning `rate`."""

    encoder: EncoderSpec
    frozen: int
    epochs: int
    rank: int = 0
    rate: float = 1e-4


class Tuner:
    """A base encoder, cut after its frozen layers; texts are run through those once and kept as half floats."""

    def __init__(self, recipe: Recipe, pack: Pack) -> None:
        import torch
        from transformers import AutoModel, AutoTokenizer

        spec = recipe.encoder
        folder = model_folder(spec)
        checked(folder / WEIGHTS, spec.sha256)
        self._torch, self.recipe, self.pack = torch, recipe, pack
        self._tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        # Without dropout of attention (that of the layers and of the head stays), and written out: on two cores 28 passages a
        # second of MiniLM instead of 19.
        self._base: Any = AutoModel.from_pretrained(
            folder, attn_implementation="eager", attention_probs_dropout_prob=0.0
        ).eval()
        self.size = int(self._base.config.hidden_size)
        self.texts: list[str] = []
        self._kept: list[Any] = []

    def read(self, texts: Sequence[str]) -> None:
        """Runs the frozen layers over texts [n]; everything below speaks of their indices."""
        torch = self._torch
        self.texts = list(texts)
        longest = self.recipe.encoder.max_tokens
        ids = [self._tokenizer(t, truncation=True, max_length=longest)["input_ids"] for t in texts]
        self._kept = [None] * len(ids)
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        layers = self._base.encoder.layer[: self.recipe.frozen]
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
            for at in range(0, len(order), 32):
                rows = order[at : at + 32]
                longest = max(len(ids[i]) for i in rows)
                tokens = torch.zeros(len(rows), longest, dtype=torch.long)
                mask = torch.zeros(len(rows), longest, dtype=torch.long)
                for row, i in enumerate(rows):
                    tokens[row, : len(ids[i])] = torch.tensor(ids[i])
                    mask[row, : len(ids[i])] = 1
                hidden = _through(layers, self._base.embeddings(tokens), mask, self._bias(longest))
                for row, i in enumerate(rows):
                    self._kept[i] = hidden[row, : len(ids[i])].half().clone()

    def _bias(self, length: int) -> Any:
        """What the model adds to attention by distance [1, heads, length, length] (MPNet); None where it adds nothing."""
        if not hasattr(self._base.encoder, "compute_position_bias"):
            return None
        with self._torch.no_grad():
            return self._base.encoder.compute_position_bias(self._torch.zeros(1, length, 1))

    def _batch(self, rows: Sequence[int]) -> tuple[Any, Any, Any]:
        torch = self._torch
        longest = max(len(self._kept[i]) for i in rows)
        hidden = torch.zeros(len(rows), longest, self.size)
        mask = torch.zeros(len(rows), longest, dtype=torch.long)
        for row, i in enumerate(rows):
            hidden[row, : len(self._kept[i])] = self._kept[i].float()
            mask[row, : len(self._kept[i])] = 1
        return hidden, mask, self._bias(longest)

    def fit(
        self, rows: Sequence[int], targets: Array, groups: Sequence[Sequence[int]], *, epochs: int = 0, seed: int = 0
    ) -> Any:
        """Trains on the texts at `rows` -> the top layers and the head, as a torch module.

        `targets` [n, L] over all texts: truth, or a teacher's probabilities; labels of one group share a softmax. `epochs`: the
        recipe's at 0.
        """
        torch = self._torch
        epochs = epochs or self.recipe.epochs
        torch.manual_seed(seed)
        rng = np.random.default_rng(seed)
        layers = copy.deepcopy(self._base.encoder.layer[self.recipe.frozen :])
        if self.recipe.rank:
            _adapt(torch, layers, self.recipe.rank)
        top = _top(torch, layers, self.size, len(self.pack.labels))
        body = [p for name, p in top.named_parameters() if not name.startswith("head") and p.requires_grad]
        rates = [self.recipe.rate, HEAD_RATE]
        optimizer = torch.optim.AdamW(
            [{"params": body, "lr": rates[0]}, {"params": top.head.parameters(), "lr": rates[1]}], weight_decay=0.01
        )
        rows = list(rows)
        batches_an_epoch = sum(-(-min(256, len(rows) - at) // BATCH) for at in range(0, len(rows), 256))
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, rates, total_steps=epochs * batches_an_epoch, pct_start=0.1
        )
        wanted = torch.tensor(targets.astype(np.float32))
        for epoch in range(epochs):
            top.train()
            total, told = 0.0, time.monotonic()
            batches = self._shuffled(rows, rng)
            for at, batch in enumerate(batches, 1):
                with torch.autocast("cpu", dtype=torch.bfloat16):
                    logits = top(*self._batch(batch))
                loss = _loss(torch, logits.float(), wanted[batch], groups)
                optimizer.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(top.parameters(), 1.0)
                optimizer.step()
                schedule.step()
                total += loss.item()
                if time.monotonic() - told > 60:
                    told = time.monotonic()
                    log.info(
                        "epoch %d of %d: %d %%, loss %.3f", epoch + 1, epochs, 100 * at // len(batches), total / at
                    )
            log.info("epoch %d of %d: loss %.3f", epoch + 1, epochs, total / len(batches))
        return top.eval()

    def _shuffled(self, rows: list[int], rng: np.random.Generator) -> list[list[int]]:
        """Batches of like lengths from shuffled chunks, in shuffled order."""
        order = [rows[i] for i in rng.permutation(len(rows))]
        batches = []
        for at in range(0, len(order), 256):
            chunk = sorted(order[at : at + 256], key=lambda i: len(self._kept[i]))
            batches += [chunk[i : i + BATCH] for i in range(0, len(chunk), BATCH)]
        return [batches[i] for i in rng.permutation(len(batches))]

    def logits(self, top: Any, rows: Sequence[int]) -> Array:
        """Logits [len(rows), L] of the texts at `rows`."""
        out = np.zeros((len(rows), len(self.pack.labels)), np.float32)
        order = sorted(range(len(rows)), key=lambda j: len(self._kept[rows[j]]))
        with self._torch.inference_mode():
            for at in range(0, len(order), 32):
                some = order[at : at + 32]
                out[some] = top(*self._batch([rows[j] for j in some])).float().numpy()
        return out

    def save(self, top: Any, logits: Array, truth: Array, folder: Path) -> tuple[EncoderSpec, Heads]:
        """Writes the tuned layers (half floats) and calibrates the head on logits [m, L] of works never trained on."""
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        state = {}
        for name, value in top.layers.named_parameters():
            if value.requires_grad:
                layer, inner = name.split(".", 1)
                folded = value.detach() * (ADAPTER_SCALE if inner.endswith(".up") else 1.0)
                state[f"encoder.layer.{int(layer) + self.recipe.frozen}.{inner}"] = folded.half().contiguous()
        save_file(state, folder / TUNED)
        coef = top.head.weight.detach().numpy().astype(np.float32)
        intercept = top.head.bias.detach().numpy().astype(np.float32)
        spec = replace(
            self.recipe.encoder, pooling=("mean", "max"), normalize=False,
            tuned=TUNED, tuned_sha256=file_sha256(folder / TUNED),
        )  # fmt: skip
        return spec, calibrated_heads(coef, intercept, logits, truth, self.pack)


def _through(layers: Any, hidden: Any, mask: Any, bias: Any) -> Any:
    """Hidden states through transformer layers; `mask` 1 where there is a token, `bias` added to attention or None."""
    added = (1.0 - mask[:, None, None, :].float()) * -1e4
    if bias is not None:
        added = added + bias
    for layer in layers:
        hidden = layer(hidden, added)
        hidden = hidden[0] if isinstance(hidden, tuple) else hidden
    return hidden


def _adapt(torch: Any, layers: Any, rank: int) -> None:
    """Gives every matrix of the layers an adapter that learns, and bars all else from learning."""

    class Adapted(torch.nn.Linear):  # type: ignore[misc]
        """x -> (W + scale · up · down) x + b."""

        def __init__(self, base: Any) -> None:
            super().__init__(base.in_features, base.out_features)
            self.weight, self.bias = base.weight, base.bias
            self.down = torch.nn.Parameter(torch.empty(rank, base.in_features))
            self.up = torch.nn.Parameter(torch.zeros(base.out_features, rank))
            torch.nn.init.kaiming_uniform_(self.down, a=5**0.5)

        def forward(self, x: Any) -> Any:
            linear = torch.nn.functional.linear
            return super().forward(x) + ADAPTER_SCALE * linear(linear(x, self.down), self.up)

    for value in layers.parameters():
        value.requires_grad_(False)
    for module in list(layers.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, torch.nn.Linear):
                setattr(module, name, Adapted(child))


def _top(torch: Any, layers: Any, size: int, labels: int) -> Any:
    class Top(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.layers = layers
            self.drop = torch.nn.Dropout(0.2)
            self.head = torch.nn.Linear(2 * size, labels)
            torch.nn.init.normal_(self.head.weight, std=0.02)

        def forward(self, hidden: Any, mask: Any, bias: Any) -> Any:
            hidden = _through(self.layers, hidden, mask, bias)
            seen = mask[..., None].bool()
            mean = (hidden * seen).sum(1) / seen.sum(1)
            most = hidden.masked_fill(~seen, -1e4).max(1).values
            return self.head(self.drop(torch.cat([mean, most], 1)))

    return Top()


def _loss(torch: Any, logits: Any, truth: Any, groups: Sequence[Sequence[int]]) -> Any:
    grouped = {i for group in groups for i in group}
    lone = [i for i in range(truth.shape[1]) if i not in grouped]
    functional = torch.nn.functional
    loss = functional.binary_cross_entropy_with_logits(logits[:, lone], truth[:, lone], reduction="none").sum(1).mean()
    for group in groups:
        loss = loss + functional.cross_entropy(logits[:, list(group)], truth[:, list(group)])
    return loss
