"""A fitted classifier -> its encoders with weights and activations of eight bits: OpenVINO graphs beside the weights.

Static quantization after training (Jacob et al. 2018, arXiv:1712.05877): how far activations reach is read off texts, once, and outliers
among them are first moved into the weights (SmoothQuant, Xiao et al. 2023, arXiv:2211.10438). The heads stay as they are.
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from corpus_tools.classifier.model import load_classifier, read_card, specs
from corpus_tools.compiled import batches, kept_graph
from corpus_tools.config import ClassifierConfig
from corpus_tools.encoder_files import EncoderSpec, tokenizer
from corpus_tools.errors import LabelError, PackError
from corpus_tools.pack import Pack, file_sha256
from corpus_tools.sampling import content_hash

BATCH = 8  # ranges are means over batches, so another size is another graph


def quantize(pack: Pack, model: str, texts: Sequence[str], samples: int = 300) -> dict[str, float]:
    """Writes `int8.xml` and `int8.bin` beside `model`'s weights.json (`int8-1.*` and so on, of several encoders) and their hashes there.

    `model` as `classifier.model` names it; `samples` of the texts, drawn by their hashes, set the ranges. Returns how far scores of these
    are from those in fp32: the `mean` and the `largest` difference. Raises PackError without nncf or where nothing can be
    written, LabelError without texts.
    """
    drawn = sorted(set(texts), key=content_hash)[:samples]
    if not drawn:
        raise LabelError("no texts to quantize by", expected="passages of the kind that will be scored")
    _nncf()
    weights, folder = _read(pack, model)
    encoders = specs(weights, folder)
    names = ["int8"] if len(encoders) == 1 else [f"int8-{i + 1}" for i in range(len(encoders))]
    try:
        # Put there whole: another process may be reading the files of before.
        with tempfile.TemporaryDirectory(dir=folder) as made:
            weights["int8"] = [
                _write(_quantized(spec, drawn), Path(made), name) for spec, name in zip(encoders, names, strict=True)
            ]
            for path in Path(made).iterdir():
                path.replace(folder / path.name)
        (folder / "weights.json").write_text(json.dumps(weights, indent=1, sort_keys=True) + "\n", "utf-8")
    except OSError as error:
        raise PackError(
            f"the graph cannot be written ({error})", where=str(folder),
            todo="Copy the folder to where you may write, and name the copy as the model.",
        ) from error  # fmt: skip
    return _apart(pack, model, drawn)


def _read(pack: Pack, model: str) -> tuple[dict[str, Any], Path]:
    card, folder = read_card(pack, ClassifierConfig(model=model))
    return card["weights"], folder


def _nncf() -> Any:
    """The library that quantizes; OpenVINO's telemetry, which it would use too, is barred in `compiled`."""
    try:
        import nncf
    except ImportError as error:
        raise PackError(
            f"quantizing needs nncf, which is not installed ({error})",
            todo="pip install 'corpus-audit[quantize]'. Scoring in int8 does not need it.",
        ) from error
    nncf.set_log_level(logging.ERROR)
    return nncf


def _quantized(spec: EncoderSpec, texts: Sequence[str]) -> Any:
    nncf = _nncf()
    found = [(tokens, mask) for _, tokens, mask in batches(tokenizer(spec), texts, BATCH)]
    with redirect_stdout(sys.stderr):  # its progress
        return nncf.quantize(
            kept_graph(spec),
            nncf.Dataset(found),
            model_type=nncf.ModelType.TRANSFORMER,
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(found),
        )


def _write(graph: Any, folder: Path, name: str) -> dict[str, str]:
    """Writes a graph as two files of that name -> what weights.json says of them."""
    import openvino

    files = {kind: f"{name}.{kind}" for kind in ("xml", "bin")}
    for number, operation in enumerate(graph.get_ordered_ops()):  # else called by what the process did before
        operation.set_friendly_name(f"{operation.get_type_name()}_{number}")
    openvino.save_model(graph, folder / files["xml"], compress_to_fp16=False)
    return files | {f"{kind}_sha256": file_sha256(folder / file) for kind, file in files.items()}


def _apart(pack: Pack, model: str, texts: Sequence[str]) -> dict[str, float]:
    scores = [
        load_classifier(pack, ClassifierConfig(model=model, engine="openvino", precision=precision)).score(texts)
        for precision in ("fp32", "int8")
    ]
    apart = np.abs(scores[0].to_numpy() - scores[1].to_numpy())
    return {"mean": float(apart.mean()), "largest": float(apart.max())}
