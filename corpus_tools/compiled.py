"""The encoder as an OpenVINO graph: faster on a processor than the same weights in torch, and torch is not even imported.

A model is converted once for a machine; the graph is kept in the user's cache folder (`CORPUS_AUDIT_CACHE` names another), by the
hashes of what it was made from, and is checked against its own hash before it is loaded. Removing the folder costs a conversion.
A graph in int8 is none of these: it is made once (`classifier/quantize.py`) and lies beside the weights.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from corpus_tools import embed
from corpus_tools.config import digest
from corpus_tools.embed import Encoder, Vectors
from corpus_tools.encoder_files import WEIGHTS, EncoderSpec, cache_folder, checked, model_folder, tokenizer
from corpus_tools.errors import PackError
from corpus_tools.pack import file_sha256

log = logging.getLogger(__name__)

# OpenVINO reports conversions to its maker over the network, unless this package cannot be imported.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

PRECISIONS = {"fp32": "f32", "bf16": "bf16", "int8": "f32"}
"""Of what is computed in floats: in int8 that is what lies between the quantized layers."""
LANES = 16
"""Numbers that a processor adds at once. Widths are multiples of it: then a text is summed in the same order whatever it is padded to, and
its score does not depend on its batch. (In bf16 and int8 a sum whose last bits differ may end a whole step higher.)"""

Tokens = np.ndarray[tuple[int, int], np.dtype[np.int64]]
GPUS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")  # of NVIDIA, of AMD, of either under WSL


@dataclass(frozen=True)
class GraphFiles:
    """An encoder's graph as it lies on the disk, and the hashes that its two files must have."""

    xml: Path
    xml_sha256: str
    bin: Path
    bin_sha256: str

    def read(self) -> Any:
        """The graph. Raises PackError where a file is missing or is not what it should be."""
        import openvino

        return openvino.Core().read_model(checked(self.xml, self.xml_sha256), checked(self.bin, self.bin_sha256))


class CompiledEncoder:
    """An encoder as a compiled graph. `precision` bf16 computes in bf16 where the processor has it; weights stay fp32.

    `graph`: the encoder's graph in int8, which stands for its weights.
    """

    def __init__(
        self, spec: EncoderSpec, *, precision: str = "fp32", batch: int = 32, graph: GraphFiles | None = None
    ) -> None:
        import openvino

        self.batch = batch
        self._tokenizer = tokenizer(spec)
        # Unpinned: two processes of one thread each would otherwise share a core.
        self._graph = openvino.Core().compile_model(
            graph.read() if graph else kept_graph(spec),
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": PRECISIONS[precision],
                "INFERENCE_NUM_THREADS": embed.threads() or os.cpu_count() or 1,
                "ENABLE_CPU_PINNING": False,
                "PERFORMANCE_HINT": "LATENCY",
            },
        )
        self._local = threading.local()
        self.dimension = int(self._graph.output(0).partial_shape[1].get_length())

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Texts [n] -> vectors [n, dimension], float32. Longest first, so that a batch pads little."""
        out = np.empty((len(texts), self.dimension), np.float32)
        for rows, tokens, mask in batches(self._tokenizer, texts, self.batch, LANES):
            out[rows] = self._request().infer((tokens, mask))[0]
        return out

    def _request(self) -> Any:
        """This thread's own: two threads in one would mix their batches."""
        if not hasattr(self._local, "request"):
            self._local.request = self._graph.create_infer_request()
        return self._local.request


def batches(
    tokenizer: Any, texts: Sequence[str], size: int, multiple: int = 1
) -> Iterator[tuple[list[int], Tokens, Tokens]]:
    """Texts [n] -> (which of them [b], token ids [b, t], mask [b, t]) a batch, longest first. t: a multiple of `multiple`, or the most."""
    ids = [encoding.ids for encoding in tokenizer.encode_batch(list(texts))]
    order = sorted(range(len(ids)), key=lambda i: -len(ids[i]))
    most = tokenizer.truncation["max_length"]
    for at in range(0, len(order), size):
        rows = order[at : at + size]
        width = -(-len(ids[rows[0]]) // multiple) * multiple
        tokens = np.zeros((len(rows), min(width, most)), np.int64)
        mask = np.zeros_like(tokens)
        for row, i in enumerate(rows):
            tokens[row, : len(ids[i])] = ids[i]
            mask[row, : len(ids[i])] = 1
        yield rows, tokens, mask


def load_encoder(
    spec: EncoderSpec,
    *,
    engine: str = "auto",
    precision: str = "fp32",
    device: str = "",
    batch: int = 32,
    graph: GraphFiles | None = None,
) -> Encoder | CompiledEncoder:
    """The encoder on the engine asked for; `auto` takes torch where a device is named or a GPU is there, and OpenVINO elsewhere.

    `graph` is OpenVINO's, so with one `auto` takes that wherever it is.
    """
    if engine == "auto":
        engine = "torch" if not graph and (device or _gpu()) else "openvino"
    if engine == "torch":
        return Encoder(spec, precision=precision, device=device, batch=batch)
    return CompiledEncoder(spec, precision=precision, batch=batch, graph=graph)


def _gpu() -> bool:
    """Whether torch would find a GPU; it is asked only where there is a driver, as importing it takes seconds."""
    if sys.platform == "linux" and not any(Path(path).exists() for path in GPUS):
        return False
    import torch

    return bool(torch.cuda.is_available())


def kept_graph(spec: EncoderSpec) -> Any:
    """The encoder's graph (token ids and mask [n, t] -> vectors [n, d]): from the cache, or converted and put there."""
    import openvino

    made_from = {
        "weights": _hash_of(model_folder(spec) / WEIGHTS, spec.sha256),
        "tuned": _hash_of(Path(spec.tuned), spec.tuned_sha256) if spec.tuned else "",
        "pooling": spec.pooling,
        "normalize": spec.normalize,
        "openvino": version("openvino"),
        "format": 1,
    }
    place = cache_folder("graphs") / digest(made_from)
    try:
        told = (place / "sha256").read_text("utf-8").split()
        for name, sha256 in zip(("graph.xml", "graph.bin"), told, strict=True):
            checked(place / name, sha256)
        return openvino.Core().read_model(place / "graph.xml")
    except (OSError, ValueError, PackError, RuntimeError) as error:
        if not isinstance(error, FileNotFoundError):
            log.warning("the encoder's graph in %s cannot be used (%s): converted again", place, error)
    graph = _converted(spec)
    _keep(graph, place)
    return graph


def _hash_of(path: Path, named: str) -> str:
    """A file's hash: the one named, if it is so (checked), else reckoned."""
    checked(path, named)
    return named or file_sha256(path)


def _converted(spec: EncoderSpec) -> Any:
    import openvino
    import torch

    encoder = Encoder(spec, device="cpu")

    class Whole(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = encoder.model

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            return self.model({"input_ids": input_ids, "attention_mask": attention_mask})["sentence_embedding"]

    example = {name: torch.ones(2, 16, dtype=torch.long) for name in ("input_ids", "attention_mask")}
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tracing: the model's branches on shapes, which do not vary
        return openvino.convert_model(Whole().eval(), example_input=example)


def _keep(graph: Any, place: Path) -> None:
    """Puts a graph into the cache whole: two processes may do so at once, and a full disk costs the next start a conversion."""
    import openvino

    folder = ""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        folder = tempfile.mkdtemp(dir=place.parent)
        openvino.save_model(graph, f"{folder}/graph.xml", compress_to_fp16=False)
        sums = [file_sha256(Path(folder) / name) for name in ("graph.xml", "graph.bin")]
        (Path(folder) / "sha256").write_text("\n".join(sums), "utf-8")
        if place.exists():
            shutil.rmtree(place, ignore_errors=True)
        Path(folder).rename(place)
    except (OSError, RuntimeError) as error:
        log.warning("the encoder's graph is not kept in %s (%s): it is converted anew at every start", place, error)
    finally:
        if folder:
            shutil.rmtree(folder, ignore_errors=True)
