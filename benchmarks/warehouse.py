"""How long the database takes to be made of a root with many passages, and how much memory: a Markdown table.

    python benchmarks/warehouse.py [--passages 10000000] [--shards 100] [--drawn 0.1] [--folder benchmarks/out]

The root is made here (ids, hashes and texts that mean nothing), written as a scan writes it, and deleted afterwards.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from corpus_tools.root import Root
from corpus_tools.tables import DOCUMENTS, MEASURES, PASSAGES, PREVALENCE, REJECTS, TALLIES, TOTALS

HERE = Path(__file__).parent
LABELS = [f"label_{i:02}" for i in range(30)]
PER_DOCUMENT = 4
TEXT = (
    "The committee met again on Thursday and could not agree about the bridge, the budget or the day of the next meeting. "
    * 6
)


def shard_tables(number: int, passages: int, drawn_share: float) -> tuple[dict[str, pa.Table], pl.DataFrame]:
    """A shard's tables and its scores."""
    rng = np.random.default_rng(number)
    documents = max(1, passages // PER_DOCUMENT)
    hashes = pl.Series([f"{a:016x}{b:016x}" for a, b in rng.integers(0, 2**63, (documents + passages, 2)).tolist()])
    rows = pl.DataFrame({"position": np.arange(documents, dtype=np.int64)}).with_columns(
        document_id=pl.format("crawl/part-{}.parquet#{}", pl.lit(number), "position"), content=hashes[:documents],
        url=pl.format("https://www.s{}.example.org/{}", pl.col("position") % 5000, "position"), dataset=pl.lit("crawl"),
        domain=pl.format("s{}.example.org", pl.col("position") % 5000), year=(pl.col("position") % 25 + 2000).cast(pl.Int16),
        language=pl.lit("en"), stratum=pl.lit("hit"), open_probability=pl.lit(1.0), unscored=pl.lit(False),
        given_id=pl.col("position").cast(pl.String), bytes=pl.lit(2800, pl.Int64), words=pl.lit(480, pl.Int64),
        hit_passages=pl.lit(1, pl.Int32), near_passages=pl.lit(3, pl.Int32), sampled_passages=pl.lit(0, pl.Int32),
    )  # fmt: skip
    chosen = pl.Series(rng.random(passages) < drawn_share)
    index = pl.DataFrame({"i": np.arange(passages, dtype=np.int64)})
    pieces = index.with_columns(
        document_id=pl.format("crawl/part-{}.parquet#{}", pl.lit(number), (pl.col("i") // PER_DOCUMENT).clip(0, documents - 1)),
        start=pl.col("i") % PER_DOCUMENT * 700, end=pl.col("i") % PER_DOCUMENT * 700 + 699, content=hashes[documents:],
        stratum=pl.when(pl.col("i") % PER_DOCUMENT == 0).then(pl.lit("hit")).otherwise(pl.lit("near")),
        screen_probability=pl.lit(drawn_share), drawn=chosen, n_words=pl.lit(120, pl.Int32),
        terms=pl.when(pl.col("i") % PER_DOCUMENT == 0).then(pl.lit(["robot"])).otherwise(pl.lit([], pl.List(pl.String))),
        text=pl.when(chosen).then(pl.format("{} {}", "i", pl.lit(TEXT))),
    ).with_columns(passage_id=pl.format("{}:{}", "document_id", "start"))  # fmt: skip
    scores = pieces.filter("drawn").select("passage_id", "content").with_columns(
        pl.Series(label, rng.random(int(chosen.sum()), dtype=np.float32)) for label in LABELS
    )  # fmt: skip
    empty = pa.MapArray.from_arrays(
        np.zeros(documents + 1, np.int32), pa.array([], pa.string()), pa.array([], pa.string())
    )
    plain = rows.to_arrow().append_column("sources", empty)
    return {
        "documents": plain.select(DOCUMENTS.names).cast(DOCUMENTS),
        "passages": pieces.select(PASSAGES.names).to_arrow().cast(PASSAGES),
        "tallies": TALLIES.empty_table(),
        "rejects": REJECTS.empty_table(),
    }, scores


def build(folder: Path, passages: int, shards: int, drawn: float) -> Root:
    """A root of one finished audit."""
    root = Root(folder)
    each = passages // shards
    listed = []
    for number in range(shards):
        tables, scores = shard_tables(number, each, drawn)
        shard_id = f"{number:016x}"
        counts = dict.fromkeys(("read", "kept", "documents"), each // PER_DOCUMENT)
        root.write_shard("scan", shard_id, tables, {"shard_id": shard_id, "status": "done", "passages": each, **counts})
        with root.score_writer("classifier", "scan", shard_id) as writer:
            writer.add(scores.to_arrow())
            writer.finish()
        listed.append({"shard_id": shard_id, "status": "done", "dataset": "crawl", "address": f"part-{number}.parquet"})
    audit = {"audit_id": "audit", "name": "b", "scan_id": "scan", "classifier_id": "classifier", "shards": listed}
    audit |= {"label_names": LABELS, "dimensions": ["corpus"], "books": {}, "headline": LABELS[0], "threshold": 0.5}
    root.write_audit(
        audit,
        {"totals": TOTALS.empty_table(), "prevalence": PREVALENCE.empty_table(), "measures": MEASURES.empty_table()},
    )
    return root


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", type=int, default=10_000_000)
    parser.add_argument("--shards", type=int, default=100)
    parser.add_argument(
        "--drawn", type=float, default=0.1, help="share of the passages that is scored, and has its text kept"
    )
    parser.add_argument("--folder", type=Path, default=HERE / "out")
    parser.add_argument("--keep", action="store_true", help="the root, for another look")
    options = parser.parse_args()
    folder = options.folder / f"root-{options.passages}-{options.shards}"
    root = Root(folder)
    if not root.done("scan"):
        started = time.perf_counter()
        build(folder, options.passages, options.shards, options.drawn)
        print(f"made in {time.perf_counter() - started:.0f} s", file=sys.stderr)
    from corpus_tools.warehouse import load, query

    started, cpu = time.perf_counter(), time.process_time()
    file = Path(load(root))
    wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    n, texts, scores = query(root, "select count(*), count(text), (select count(*) from scores) from passages").row(0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n"
    )
    print(
        "| passages | with text | scored | shards | wall s | CPU s | peak MB | database MB |\n|---|---|---|---|---|---|---|---|"
    )
    print(
        f"| {n:,} | {texts:,} | {scores:,} | {options.shards} | {wall:.1f} | {cpu:.1f} | {peak:.0f} | {file.stat().st_size / 1e6:.0f} |"
    )
    if not options.keep:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
