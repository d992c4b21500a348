"""Seconds and memory of the estimates, at the size of a large audit.

    python benchmarks/estimate_speed.py --candidates 10000000 --sources 100000 --labels 15

Writes the root of an audit that has been scanned, scored and labelled (so that making it is not measured), and in a fresh process does
what an audit does at its end: reads the shards, estimates every label by corpus and source, for passages, words and documents,
exposure and distinct, and writes the tables.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from corpus_tools import audit as audits
from corpus_tools import tables
from corpus_tools.labels import create_round, read_round
from corpus_tools.labels.rounds import write_labels
from corpus_tools.pack import Pack
from corpus_tools.root import Root

SCAN, CLASSIFIER, ROUND = "scan", "classifier", "first"


def pack_of(labels: int) -> Pack:
    """A pack that asks for so many labels, and nothing else."""
    names = tuple(f"l{i:02d}" for i in range(labels))
    return Pack("made-up", "1", "Made up", Path(), names, {}, {}, names[0], {}, (), "", {}, (), {}, {})


def write(root: Root, candidates: int, sources: int, labels: int, shards: int, seed: int = 1) -> None:
    """Opened documents (nine passages in ten drawn), tallies and a round of 2,000 labels; Zipf sources, a tenth copies."""
    rng = np.random.default_rng(seed)
    names = [f"l{i:02d}" for i in range(labels)]
    rows = int(candidates / 0.9)
    size = 1 / np.arange(1, sources + 1) ** 1.1
    n_documents = max(rows // 4, 1)
    source = np.concatenate(
        [np.arange(sources), rng.choice(sources, max(n_documents - sources, 0), p=size / size.sum())]
    )
    source = rng.permutation(source[:n_documents].astype(np.int32))
    sampled = rng.random(n_documents) < 0.1  # the audit draw of documents that the gate does not hit
    document = np.sort(rng.integers(0, n_documents, rows)).astype(np.int32)
    content = np.where(rng.random(rows) < 0.1, rng.integers(0, rows, rows), np.arange(rows)).astype(np.int32)
    stratum = np.where(sampled[document], 2, rng.random(rows) < 0.44).astype(np.int8)
    drawn = (stratum != 1) | (rng.random(rows) < 0.75)
    words = rng.integers(80, 180, rows).astype(np.int32)[content]
    base = rng.normal(size=rows).astype(np.float32)
    noise = [rng.normal(size=rows).astype(np.float32) for _ in names]
    domain = pl.Series([f"site-{i:06d}.example" for i in range(sources)])
    edges = np.searchsorted(document, np.linspace(0, n_documents, shards + 1).astype(int)).tolist()
    told = []
    for number, (start, end) in enumerate(pairwise(edges)):
        here, shard = slice(start, end), f"{number:032x}"
        c = content[here]
        ids = pl.select(
            pl.format("web/pages/part-{}.parquet:{}", pl.lit(number), pl.Series(document[here]))
        ).to_series()
        text = pl.Series(c).cast(pl.UInt64)
        contents = (text.hash(1).cast(pl.String) + text.hash(2).cast(pl.String)).str.slice(0, 32)
        passages = pl.DataFrame(
            {
                "passage_id": ids + ":" + pl.Series(np.arange(end - start) * 700).cast(pl.String),
                "document_id": ids,
                "start": pl.Series(np.arange(end - start) * 700),
                "end": pl.Series(np.arange(end - start) * 700 + 690),
                "content": contents,
                "stratum": pl.Series(tables.STRATA).gather(stratum[here]),
                "screen_probability": np.where(stratum[here] == 1, 0.75, 1.0),
                "drawn": drawn[here],
                "n_words": words[here],
                "terms": pl.Series([[]] * (end - start), dtype=pl.List(pl.String)),
                "text": pl.repeat(None, end - start, dtype=pl.String, eager=True),
            }
        )
        first = np.flatnonzero(np.diff(document[here], prepend=-1))
        mine = document[here][first]
        documents = pl.DataFrame(
            {
                "document_id": ids.gather(first),
                "content": pl.Series(mine).cast(pl.UInt64).hash(3).cast(pl.String).str.pad_start(32, "0"),
                "domain": domain.gather(source[mine]),
                "stratum": pl.Series(["hit", "sampled"]).gather(sampled[mine].astype(np.uint32)),
                "open_probability": np.where(sampled[mine], 0.01, 1.0),
                "words": np.add.reduceat(words[here], first).astype(np.int64),
            }
        ).with_columns(
            dataset=pl.lit("web"), language=pl.lit("en"), year=pl.lit(2020), unscored=pl.lit(False)
        )  # fmt: skip
        tallies = documents.group_by("domain", "dataset", "language", "year", maintain_order=True).agg(
            documents=pl.len() * 3, words=pl.col("words").sum() * 3, hit_documents=pl.len(), hit_words=pl.col("words").sum()
        )  # fmt: skip
        scores = {"passage_id": passages["passage_id"], "content": contents}
        for i, name in enumerate(names):
            z = 0.5 * base[c] + noise[i][c]
            scores[name] = pl.Series(np.round(1 / (1 + np.exp(4.0 + 0.1 * i - 2 * z)), 4).astype(np.float32))
        scored = pl.DataFrame(scores).filter(pl.Series(drawn[here]))
        made = {"documents": documents, "passages": passages, "tallies": tallies}
        schemas = {"documents": tables.DOCUMENTS, "passages": tables.PASSAGES, "tallies": tables.TALLIES}
        parts = {name: _typed(frame, schemas[name]) for name, frame in made.items()}
        root.write_shard(SCAN, shard, {**parts, "rejects": tables.REJECTS.empty_table()}, {})
        with root.score_writer(CLASSIFIER, SCAN, shard) as writer:
            writer.add(scored.to_arrow())
            writer.finish()
        told.append(scored.sample(fraction=min(4000 / candidates, 1.0), seed=seed + number))
    labelled = pl.concat(told).unique("content", keep="first", maintain_order=True).head(2000)
    drawn_round = labelled.select("content", "passage_id", text="content", cell=pl.lit("all")).with_columns(
        probability=pl.lit(labelled.height / candidates)
    )
    shard_ids = [f"{i:032x}" for i in range(shards)]
    rule = {"round": ROUND, "role": "estimate", "scan_id": SCAN, "shards": shard_ids, "of": "passages"}
    create_round(root, rule, drawn_round)
    answers = [
        [{"annotator": "made up", "label": n, "value": bool(row[n] > 0.2)} for n in names]
        for row in labelled.iter_rows(named=True)
    ]
    write_labels(root, ROUND, read_round(root, ROUND)[1], answers)
    audit = {
        "audit_id": "a", "scan_id": SCAN, "classifier_id": CLASSIFIER, "threshold": 0.5, "sampled": {}, "kinds": {}, "epochs": {},
        "dimensions": ["corpus", "domain"], "crossings": [], "seed": 0,
        "shards": [{"shard_id": s, "status": "done", "shard_probability": 1.0} for s in shard_ids],
    }  # fmt: skip
    root.write_json(audit, "audit.json")


def _typed(frame: pl.DataFrame, schema: pa.Schema) -> pa.Table:
    """The frame's columns as the contract has them; where it has none null, and no further sources."""
    absent = (
        {"sources": pa.array([[]] * frame.height, schema.field("sources").type)} if "sources" in schema.names else {}
    )
    arrays = {**absent, **{c: frame[c].to_arrow() for c in frame.columns}}
    return pa.table([arrays.get(f.name, pa.nulls(frame.height)).cast(f.type) for f in schema], schema=schema)


def measure(folder: Path, labels: int) -> None:
    """Prints seconds and the peak of this process's memory."""
    root = Root(folder)
    audit, pack = root.read_json("audit.json"), pack_of(labels)
    start = time.time()
    audits.write(root, audit, audits.estimate(root, audit, pack))
    took = time.time() - start
    used = resource.getrusage(resource.RUSAGE_SELF)
    processor, peak = used.ru_utime + used.ru_stime, used.ru_maxrss / 1e6
    rows, total = 0, 0.0
    for name, column in (("totals", "total"), ("prevalence", "ci_high"), ("measures", "value")):
        table = root.estimates("a", name)
        rows, total = rows + table.height, total + float(table[column].sum())
    print(
        f"read, estimated and written in {took:.0f} s ({processor:.0f} s of processor time), peak {peak:.1f} GB; "
        f"{rows:,} rows; sum {total:.12g}"
    )


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--candidates", type=int, default=1_000_000)
    p.add_argument("--sources", type=int, default=10_000)
    p.add_argument("--labels", type=int, default=15)
    p.add_argument("--shards", type=int, default=100)
    p.add_argument("--folder", type=Path, help="keep the root here, and use it if it is there")
    p.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    o = p.parse_args()
    if o.measure:
        return measure(o.measure, o.labels)
    with tempfile.TemporaryDirectory() as temporary:
        folder = o.folder or Path(temporary)
        if not (folder / "audit.json").is_file():
            write(Root(folder), o.candidates, o.sources, o.labels, o.shards)
        print(
            f"{o.candidates:,} candidates, {o.sources:,} sources, {o.labels} labels; {platform.machine()}, {os.cpu_count()} cores, "
            f"Python {platform.python_version()}, polars {pl.__version__}, load {os.getloadavg()[0]:.1f}",
            flush=True,
        )
        subprocess.run([sys.executable, __file__, "--measure", str(folder), "--labels", str(o.labels)], check=True)
    return None


if __name__ == "__main__":
    main()
