"""Texts and annotations -> a fine-tuned encoder with its heads: the top layers learn, the lower ones stay and are run once.

One multi-label head over mean and max pooling: a logistic loss per label, a softmax per exhaustive group. Calibrated on works that
the encoder never saw. On two cores, 7,500 passages take about five minutes an epoch, eight beside other work.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from corpus_tools.classifier.fit import calibrate, exhaustive_groups
from corpus_tools.classifier.heads import Heads
from corpus_tools.embed import EncoderSpec, checked, model_folder
from corpus_tools.pack import Pack, file_sha256

log = logging.getLogger(__name__)

FROZEN = 2  # of MiniLM's six layers: in a trial the top four were worth learning
EPOCHS = 6
BATCH = 16
RATE = 1e-4
HEAD_RATE = 2e-3

Array = np.ndarray[Any, Any]


class Tuner:
    """The base encoder, cut after its frozen layers; texts are run through those once and kept as half floats."""

    def __init__(self, spec: EncoderSpec, pack: Pack) -> None:
        import torch
        from transformers import AutoModel, AutoTokenizer

        folder = model_folder(spec)
        checked(folder / "model.safetensors", spec.sha256)
        self._torch, self.spec, self.pack = torch, spec, pack
        self._tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        # Without dropout of attention (that of the layers and of the head stays), and written out: on two cores 28 passages a
        # second instead of 19.
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
        ids = [self._tokenizer(t, truncation=True, max_length=self.spec.max_tokens)["input_ids"] for t in texts]
        self._kept = [None] * len(ids)
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        with torch.inference_mode():
            for at in range(0, len(order), 32):
                rows = order[at : at + 32]
                longest = max(len(ids[i]) for i in rows)
                tokens = torch.zeros(len(rows), longest, dtype=torch.long)
                mask = torch.zeros(len(rows), longest, dtype=torch.long)
                for row, i in enumerate(rows):
                    tokens[row, : len(ids[i])] = torch.tensor(ids[i])
                    mask[row, : len(ids[i])] = 1
                hidden = self._base.embeddings(tokens)
                hidden = _through(self._base.encoder.layer[:FROZEN], hidden, mask)
                for row, i in enumerate(rows):
                    self._kept[i] = hidden[row, : len(ids[i])].half().clone()

    def _batch(self, rows: Sequence[int]) -> tuple[Any, Any]:
        torch = self._torch
        longest = max(len(self._kept[i]) for i in rows)
        hidden = torch.zeros(len(rows), longest, self.size)
        mask = torch.zeros(len(rows), longest, dtype=torch.long)
        for row, i in enumerate(rows):
            hidden[row, : len(self._kept[i])] = self._kept[i].float()
            mask[row, : len(self._kept[i])] = 1
        return hidden, mask

    def fit(self, rows: Sequence[int], truth: Array, *, epochs: int = EPOCHS, seed: int = 0) -> Any:
        """Trains on the texts at `rows` (truth bool [n, L] over all texts) -> the top layers and the head, as a torch module."""
        torch = self._torch
        torch.manual_seed(seed)
        rng = np.random.default_rng(seed)
        groups = exhaustive_groups(truth, self.pack)
        top = _top(torch, copy.deepcopy(self._base.encoder.layer[FROZEN:]), self.size, len(self.pack.labels))
        body = [p for name, p in top.named_parameters() if not name.startswith("head")]
        optimizer = torch.optim.AdamW(
            [{"params": body, "lr": RATE}, {"params": top.head.parameters(), "lr": HEAD_RATE}], weight_decay=0.01
        )
        rows = list(rows)
        batches_an_epoch = sum(-(-min(256, len(rows) - at) // BATCH) for at in range(0, len(rows), 256))
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, [RATE, HEAD_RATE], total_steps=epochs * batches_an_epoch, pct_start=0.1
        )
        wanted = torch.tensor(truth.astype(np.float32))
        for epoch in range(epochs):
            top.train()
            total = 0.0
            batches = self._shuffled(rows, rng)
            for batch in batches:
                hidden, mask = self._batch(batch)
                with torch.autocast("cpu", dtype=torch.bfloat16):
                    logits = top(hidden, mask)
                loss = _loss(torch, logits.float(), wanted[batch], groups)
                optimizer.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(top.parameters(), 1.0)
                optimizer.step()
                schedule.step()
                total += loss.item()
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
        state = {
            f"encoder.layer.{int(name.split('.')[1]) + FROZEN}.{name.split('.', 2)[2]}": value.half().contiguous()
            for name, value in top.state_dict().items()
            if name.startswith("layers.")
        }
        save_file(state, folder / "encoder.safetensors")
        groups = exhaustive_groups(truth, self.pack)
        scale, shift = (np.asarray(a, np.float32) for a in calibrate(logits, truth, groups))
        coef = top.head.weight.detach().numpy().astype(np.float32)
        intercept = top.head.bias.detach().numpy().astype(np.float32)
        spec = EncoderSpec(
            package=self.spec.package, folder=self.spec.folder, sha256=self.spec.sha256, pooling=("mean", "max"), normalize=False,
            max_tokens=self.spec.max_tokens, tuned="encoder.safetensors", tuned_sha256=file_sha256(folder / "encoder.safetensors"),
        )  # fmt: skip
        return spec, Heads(self.pack.labels, coef, intercept, scale, shift, groups)


def _through(layers: Any, hidden: Any, mask: Any) -> Any:
    """Hidden states through transformer layers; `mask` 1 where there is a token."""
    added = (1.0 - mask[:, None, None, :].float()) * -1e4
    for layer in layers:
        hidden = layer(hidden, added)
        hidden = hidden[0] if isinstance(hidden, tuple) else hidden
    return hidden


def _top(torch: Any, layers: Any, size: int, labels: int) -> Any:
    class Top(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.layers = layers
            self.drop = torch.nn.Dropout(0.2)
            self.head = torch.nn.Linear(2 * size, labels)
            torch.nn.init.normal_(self.head.weight, std=0.02)

        def forward(self, hidden: Any, mask: Any) -> Any:
            hidden = _through(self.layers, hidden, mask)
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
        loss = loss + functional.cross_entropy(logits[:, list(group)], truth[:, list(group)].argmax(1))
    return loss
