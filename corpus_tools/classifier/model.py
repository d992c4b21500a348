"""The classifier as it is used: texts in, a Polars frame of probabilities out, four places each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from corpus_tools.classifier.heads import Heads
from corpus_tools.compiled import CompiledEncoder, GraphFiles, load_encoder
from corpus_tools.config import ClassifierConfig, digest
from corpus_tools.embed import Encoder, SideBySide
from corpus_tools.encoder_files import EncoderSpec, checked
from corpus_tools.errors import PackError
from corpus_tools.pack import Pack, load_pack
from corpus_tools.sampling import content_hash

FORMAT = 1


class Classifier:
    """An encoder and its heads. `card` is what `classifiers/<classifier_id>.json` holds."""

    def __init__(self, encoder: Encoder | CompiledEncoder | SideBySide, heads: Heads, card: dict[str, Any]) -> None:
        self.encoder, self.heads, self.card = encoder, heads, card
        self.labels = heads.labels
        self.classifier_id: str = card["classifier_id"]
        self.vectors: dict[str, np.ndarray[Any, Any]] | None = None

    def features(self, texts: Sequence[str]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        """Texts [n] -> features [n, d]."""
        return self.encoder.encode(texts)

    def score(self, texts: Sequence[str]) -> pl.DataFrame:
        """Texts [n] -> one Float32 column per label [n], rounded to four places. A text without words scores like any other."""
        return self.score_features(self.features(texts))

    def score_features(self, features: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> pl.DataFrame:
        """Features [n, d] -> one Float32 column per label [n]."""
        scores = np.round(self.heads.probabilities(features), 4)
        return pl.DataFrame(
            {label: scores[:, i] for i, label in enumerate(self.labels)}, schema=dict.fromkeys(self.labels, pl.Float32)
        )


def read_card(pack: Pack, config: ClassifierConfig) -> tuple[dict[str, Any], Path]:
    """A pack's weights.json (or that of the folder named in the configuration), completed by its classifier_id; and its folder."""
    folder = pack.weights_of(config.model)
    path = folder / "weights.json"
    try:
        weights = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise PackError(
            "no weights", where=str(path), expected="weights.json and its files", todo="Run `corpus-audit train`."
        ) from None
    except ValueError as error:
        raise PackError(f"not valid JSON: {error}", where=str(path)) from error
    if weights.get("format") != FORMAT:
        raise PackError(f"weights of format {weights.get('format')}", where=str(path), expected=f"format {FORMAT}")
    if tuple(weights["labels"]) != pack.labels:
        raise PackError("the weights' labels are not the pack's", where=str(path), todo="Train again with this pack.")
    # Not the engine: in fp32 the scores of all agree within 1e-4.
    identity = {key: weights[key] for key in ("encoder", "beside", "heads", "labels", "groups") if key in weights}
    identity |= {"precision": config.precision}
    if config.precision == "int8":
        identity |= {"int8": _quantized(weights, path)}
    card = {
        "classifier_id": digest(identity),
        "pack": pack.name,
        "encoder": " + ".join(named(spec) for spec in encoders_of(weights)),
        "tuned": any(spec.get("tuned") for spec in encoders_of(weights)),
        "precision": config.precision,
        "labels": list(pack.labels),
        "weights_sha256": weights["heads"]["sha256"],
        "base_rates": weights.get("base_rates", {}),
        "trained_on": weights.get("trained_on", {}),
        "weights": weights,
    }
    return card, folder


def encoders_of(weights: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """weights.json -> its encoders as they stand there, in the order of their features."""
    return [weights["encoder"], *weights.get("beside", [])]


def named(encoder: Mapping[str, Any]) -> str:
    """An encoder of weights.json -> what it is called: on the hub, as a package, or its folder."""
    return str(encoder.get("hub") or encoder.get("package") or encoder["folder"])


def specs(weights: Mapping[str, Any], folder: Path) -> list[EncoderSpec]:
    """weights.json in `folder` -> its encoders, files of tuned weights with their place."""
    out = []
    for encoder in encoders_of(weights):
        spec: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in encoder.items()}
        if spec.get("tuned"):
            spec["tuned"] = str(folder / spec["tuned"])
        out.append(EncoderSpec(**spec))
    return out


def _quantized(weights: Mapping[str, Any], where: Path) -> list[Mapping[str, str]]:
    """weights.json -> its graphs in int8 (names of their files and hashes), one an encoder. Raises PackError where it has none."""
    if "int8" not in weights:
        raise PackError(
            "this model has no graph in int8", where=str(where),
            todo="Take `precision: bf16`, or make the graph: `corpus-audit quantize --model … --texts …`.",
        )  # fmt: skip
    return list(weights["int8"])


def _graphs(weights: Mapping[str, Any], folder: Path, precision: str) -> list[GraphFiles | None]:
    """weights.json in `folder` -> the graph of each encoder that is read as it is; none, but in int8."""
    if precision != "int8":
        return [None] * len(encoders_of(weights))
    return [
        GraphFiles(folder / g["xml"], g["xml_sha256"], folder / g["bin"], g["bin_sha256"])
        for g in _quantized(weights, folder / "weights.json")
    ]


def heads_of(pack: Pack, weights: Mapping[str, Any], folder: Path) -> Heads:
    """weights.json in `folder` -> its heads, their file's hash checked; no encoder is loaded."""
    return Heads.load(
        checked(folder / weights["heads"]["file"], weights["heads"]["sha256"]), pack.labels, weights["groups"]
    )


def load_classifier(pack: Pack, config: ClassifierConfig | None = None) -> Classifier:
    """Loads a pack's classifier; every file's hash is checked first. Raises PackError."""
    config = config or ClassifierConfig()
    card, folder = read_card(pack, config)
    weights = card["weights"]
    heads = heads_of(pack, weights, folder)
    loaded = [
        load_encoder(
            spec,
            engine=config.engine,
            precision=config.precision,
            device=config.device,
            batch=config.batch,
            graph=graph,
        )
        for spec, graph in zip(specs(weights, folder), _graphs(weights, folder, config.precision), strict=True)
    ]
    encoder = loaded[0] if len(loaded) == 1 else SideBySide(loaded)
    if heads.coef.shape[1] != encoder.dimension:
        raise PackError(
            f"heads over {heads.coef.shape[1]} features, an encoder of {encoder.dimension}", where=str(folder)
        )
    return Classifier(encoder, heads, {key: value for key, value in card.items() if key != "weights"})


def score_texts(
    texts: Sequence[str], pack: str | Pack = "ai_self_preservation", config: ClassifierConfig | None = None
) -> pl.DataFrame:
    """A list of texts in, a Polars frame of probabilities out (one column per label), in order; copies are scored once."""
    pack = load_pack(pack) if isinstance(pack, str) else pack
    frame = pl.DataFrame({"text": list(texts)}, schema={"text": pl.String}).with_columns(
        content=pl.Series([content_hash(text) for text in texts], dtype=pl.String)
    )
    unique = frame.unique("content", maintain_order=True)
    scores = load_classifier(pack, config).score(unique["text"].to_list()).with_columns(unique["content"])
    return frame.select("content").join(scores, on="content", how="left", maintain_order="left").drop("content")
