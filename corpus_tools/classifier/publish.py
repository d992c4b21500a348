"""Fitted heads (and a tuned encoder) -> a folder of weights with their hashes: weights.json and safetensors, no pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from corpus_tools.classifier.heads import Heads
from corpus_tools.classifier.model import FORMAT
from corpus_tools.encoder_files import EncoderSpec
from corpus_tools.pack import file_sha256


def publish(
    heads: Heads,
    encoder: EncoderSpec | Sequence[EncoderSpec],
    base_rates: Mapping[str, float],
    trained_on: Mapping[str, Any],
    folder: Path,
    *,
    calibrated_on: str = "",
) -> Path:
    """Writes `heads.safetensors`, then `weights.json`; `encoder.tuned` names a file already in the folder. Returns weights.json.

    `encoder`: one, or several whose features stand side by side.
    `base_rates`: label -> its prevalence where the scores were calibrated; estimates shift scores from it.
    `calibrated_on`: digest of the texts that set the calibration.
    """
    folder.mkdir(parents=True, exist_ok=True)
    heads.save(folder / "heads.safetensors")
    first, *beside = [
        {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(spec).items()}
        for spec in ([encoder] if isinstance(encoder, EncoderSpec) else encoder)
    ]
    weights = {
        "format": FORMAT,
        "encoder": first,
        **({"beside": beside} if beside else {}),
        "heads": {"file": "heads.safetensors", "sha256": file_sha256(folder / "heads.safetensors")},
        "labels": list(heads.labels),
        "groups": [list(group) for group in heads.groups],
        "base_rates": {label: round(rate, 6) for label, rate in base_rates.items()},
        "trained_on": dict(trained_on),
        "calibrated_on": calibrated_on,
    }
    path = folder / "weights.json"
    path.write_text(json.dumps(weights, indent=1, sort_keys=True) + "\n", "utf-8")
    return path
