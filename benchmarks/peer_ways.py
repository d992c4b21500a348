"""The ways that `benchmarks/peers.py` compares: each finds the documents of a Parquet file in which a phrase of the lexicon stands.

python benchmarks/peer_ways.py NAME FOLDER     # one way in a process of its own, as JSON
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

FAST, SLOW = 3, 1  # processes, of which the median is told
Finds = Callable[[Path], tuple[int, int]]
"""A file -> documents, and documents with a phrase."""


def pattern() -> str:
    """The lexicon as one regular expression with the gate's meaning in `re` (with re.ASCII) and RE2 alike."""
    from corpus_tools.gate import load_lexicon
    from corpus_tools.pack import load_pack

    phrases = load_lexicon(load_pack("ai_self_preservation").lexicon)
    loose, strict = ("|".join(p.pattern.decode() for p in phrases if p.case == case) for case in (False, True))
    return f"(?i:{loose})|(?:{strict})".replace(r"[\s-]", r"[\t-\r -]")  # white space is not the same in the two


def with_re() -> Callable[[str], bool]:
    search = re.compile(pattern(), re.ASCII).search
    return lambda text: search(text) is not None


def with_re2() -> Callable[[str], bool]:
    """Over bytes, which is quicker than over text and has no folding beyond ASCII."""
    import re2

    options = re2.Options()
    options.encoding, options.never_capture, options.max_mem = re2.Options.Encoding.LATIN1, True, 1 << 28
    search = re2.compile(pattern().encode(), options).search
    return lambda text: search(text.encode()) is not None


def nothing() -> Callable[[str], bool]:
    return lambda text: False


def reading() -> Finds:
    """The least that any way can take."""

    def run(path: Path) -> tuple[int, int]:
        batches = pq.ParquetFile(path).iter_batches(2000, columns=["text"], use_threads=False)
        return sum(len(batch) for batch in batches if pc.sum(pc.binary_length(batch["text"])).as_py() >= 0), 0

    return run


def this_tool(whole: bool) -> Finds:
    """`whole`: also counts of everything, opening, language, passages, terms and the screen's draw; else the hits alone."""
    from corpus_tools.config import parse_config
    from corpus_tools.pack import load_pack
    from corpus_tools.readers import READERS
    from corpus_tools.scan import Rules, choose
    from corpus_tools.shards import plan_shards
    from corpus_tools.texts import join

    raw = {"name": "b", "output": "o", "gate": {"audit_fraction": 0.001}}
    rules = Rules.of(
        parse_config(raw | {"corpus": ["x.parquet"]}, where="benchmark"), load_pack("ai_self_preservation")
    )

    def run(path: Path) -> tuple[int, int]:
        (entry,) = parse_config(raw | {"corpus": [str(path)]}, where="benchmark").corpus
        (shard,) = plan_shards([entry], seed=0).shards
        if whole:
            found = [(c.books.kept, int(c.tally["hit_documents"].sum())) for c in choose(shard, entry, rules)]
        else:
            texts = (batch.documents["text"] for batch in READERS[shard.format](shard, entry))
            found = [(len(t), int(rules.gate.hits(join(t)).sum())) for t in texts]
        return sum(n for n, _ in found), sum(hits for _, hits in found)

    return run


def datatrove_filter(matcher: Callable[[], Callable[[str], bool]]) -> Finds:
    from datatrove.pipeline.filters import LambdaFilter
    from datatrove.pipeline.readers import ParquetReader
    from loguru import logger

    logger.remove()
    hit = matcher()

    def run(path: Path) -> tuple[int, int]:
        reader = ParquetReader(str(path.parent), glob_pattern=path.name)
        step = LambdaFilter(lambda document: hit(document.text))
        hits = sum(1 for _ in step(reader()))
        return step.stats["total"].total, hits

    return run


def datasets_map() -> Finds:
    import datasets

    datasets.disable_progress_bars()
    hit = with_re2()

    def found(batch: dict[str, list[str]]) -> dict[str, list[int]]:
        return {"n": [len(batch["text"])], "hits": [sum(map(hit, batch["text"]))]}

    def run(path: Path) -> tuple[int, int]:
        stream = datasets.load_dataset(
            "parquet", data_files=[str(path)], split="train", streaming=True, columns=["text"]
        )
        rows = list(stream.map(found, batched=True, batch_size=1000, remove_columns=["text"]))
        return sum(row["n"] for row in rows), sum(row["hits"] for row in rows)

    return run


@dataclass(frozen=True)
class Way:
    """One row of the table. `file`: the whole corpus, the slice, or the slice in dolma's format."""

    title: str
    file: str
    repeat: int
    make: Callable[[], Finds] | None = None

    @property
    def text(self) -> str:
        """The file that has the same text."""
        return "slice" if self.file == "dolma" else self.file


WAYS = {
    "read": Way("reading alone (pyarrow, the text column)", "whole", FAST, reading),
    "gate": Way("this tool: read + gate, the peers' question", "whole", FAST, lambda: this_tool(whole=False)),
    "scan": Way("**this tool: scan** (read + gate + count + open + split)", "whole", FAST, lambda: this_tool(whole=True)),
    "gate-slice": Way("this tool: read + gate", "slice", FAST, lambda: this_tool(whole=False)),
    "datatrove-re": Way("datatrove: ParquetReader + LambdaFilter, Python `re`", "slice", SLOW, lambda: datatrove_filter(with_re)),
    "datatrove-re2": Way("datatrove: the same with google-re2", "whole", FAST, lambda: datatrove_filter(with_re2)),
    "datatrove-read": Way("datatrove: ParquetReader alone", "whole", FAST, lambda: datatrove_filter(nothing)),
    "datasets-re2": Way("datasets: streaming, `map(batched=True)` with google-re2", "whole", FAST, datasets_map),
    "dolma-re": Way("dolma: a tagger with Python `re`", "dolma", SLOW),
    "dolma-re2": Way("dolma: a tagger with google-re2", "dolma", FAST),
}  # fmt: skip


def peak_mb() -> float:
    """Of this process since it began; getrusage would tell its parent's too."""
    return int(re.findall(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text("utf-8"))[0]) / 1024


def one(name: str, folder: Path) -> None:
    """In a process of its own, after a warm-up on a few documents: seconds, what was found, peak memory, as JSON."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    pa.set_cpu_count(1)
    make = WAYS[name].make
    assert make
    run = make()
    run(folder / "warm.parquet")
    wall, cpu = time.perf_counter(), time.process_time()
    documents, hits = run(folder / f"{WAYS[name].file}.parquet")
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(json.dumps({"wall": wall, "cpu": cpu, "documents": documents, "hits": hits, "mb": peak_mb()}), flush=True)
    os._exit(0)  # `datasets` may abort while its threads are torn down


if __name__ == "__main__":
    one(sys.argv[1], Path(sys.argv[2]))
