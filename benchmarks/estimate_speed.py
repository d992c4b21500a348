"""Seconds and memory of the estimates, at the size of a large audit.

    python benchmarks/estimate_speed.py --candidates 10000000 --sources 100000 --labels 15

Writes an audit's tables to a temporary Parquet file (so that making them is not measured), reads them in a fresh process as an audit
does, and estimates every label by corpus and source, for passages, words and documents, exposure and distinct.
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
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from corpus_tools.estimate import Questions, estimate_audit


def write(folder: Path, candidates: int, sources: int, labels: int, seed: int = 1) -> None:
    """Passages of opened documents (nine in ten drawn), tallies and a round of 2,000 labels; Zipf sources, a tenth copies."""
    rng = np.random.default_rng(seed)
    rows = int(candidates / 0.9)
    size = 1 / np.arange(1, sources + 1) ** 1.1
    n_documents = max(rows // 4, 1)
    source = np.concatenate(
        [np.arange(sources), rng.choice(sources, max(n_documents - sources, 0), p=size / size.sum())]
    )
    source = source[:n_documents].astype(np.int32)
    document = np.sort(rng.integers(0, n_documents, rows)).astype(np.int32)
    content = np.where(rng.random(rows) < 0.1, rng.integers(0, rows, rows), np.arange(rows)).astype(np.int32)
    stratum = rng.choice(3, rows, p=(0.5, 0.4, 0.1)).astype(np.int8)
    drawn = (stratum != 1) | (rng.random(rows) < 0.75)
    names = pl.Series([f"site-{i:06d}.example" for i in range(sources)])
    text = pl.Series("x", content).cast(pl.UInt64)
    passages = pl.DataFrame(
        {
            "document_id": pl.Series(document).cast(pl.String) + "@pages/part.parquet",
            "content": text.hash(1).cast(pl.String) + text.hash(2).cast(pl.String),
            "document_content": pl.Series(document).cast(pl.UInt64).hash(3).cast(pl.String),
            "stratum": pl.Series(["hit", "near", "sampled"]).gather(stratum),
            "open_probability": np.where(stratum == 2, 0.01, 1.0),
            "screen_probability": np.where(stratum == 1, 0.75, 1.0),
            "drawn": drawn,
            "n_words": rng.integers(80, 180, rows).astype(np.int32),
            "domain": names.gather(source[document]),
            "dataset": pl.repeat("web", rows, eager=True),
            "shard_probability": pl.repeat(1.0, rows, eager=True),
            "unscored": pl.repeat(False, rows, eager=True),
        }
    )
    base = rng.normal(size=rows).astype(np.float32)[content]
    for i in range(labels):
        z = 0.5 * base + rng.normal(size=rows).astype(np.float32)[content]
        score = np.round(1 / (1 + np.exp(4.0 + 0.1 * i - 2 * z)), 4).astype(np.float32)
        passages = passages.with_columns(
            pl.when(pl.Series(drawn)).then(pl.Series(score)).otherwise(None).alias(f"l{i:02d}")
        )
    passages.write_parquet(folder / "passages.parquet")
    by = passages.group_by("domain").agg(
        pl.col("document_id").n_unique().alias("hit_documents"), pl.col("n_words").sum().alias("hit_words")
    )
    by.with_columns(
        documents=pl.col("hit_documents") * 3,
        words=pl.col("hit_words").cast(pl.Int64) * 3,
        dataset=pl.lit("web"),
        shard_probability=1.0,
    ).write_parquet(folder / "tallies.parquet")
    told = passages.filter(pl.Series(drawn)).unique("content", keep="first").sort("content").sample(2000, seed=seed)
    told = told.unpivot(
        [f"l{i:02d}" for i in range(labels)], index="content", variable_name="label", value_name="score"
    )
    told.select(
        "content",
        "label",
        value=(pl.col("score") > 0.2).cast(pl.Float64),
        probability=pl.lit(2000 / candidates),
        round=pl.lit("r"),
        role=pl.lit("estimate"),
        annotator=pl.lit("made up"),
    ).write_parquet(folder / "labels.parquet")


def measure(folder: Path, labels: int) -> None:
    """Prints seconds and the peak of this process's memory."""
    start = time.time()
    passages = pl.read_parquet(folder / "passages.parquet")
    loaded = time.time() - start
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    names = tuple(c for c in passages.columns if c.startswith("l") and c[1:].isdigit())[:labels]
    start = time.time()
    out = estimate_audit(
        passages,
        pl.read_parquet(folder / "tallies.parquet"),
        pl.read_parquet(folder / "labels.parquet").filter(pl.col("label").is_in(names)),
        Questions(labels=names, headline=names[0]),
        audit_id="a",
        dimensions=("corpus", "domain"),
    )
    rows, total = 0, 0.0
    for name, column in (("totals", "total"), ("prevalence", "ci_high"), ("measures", "value")):
        with pq.ParquetWriter(
            folder / f"{name}.parquet", out.tables[name].empty.to_arrow().schema, compression="zstd"
        ) as writer:
            for piece in out.tables[name].pieces():
                writer.write_table(piece.to_arrow())
                rows += piece.height
                total += float(piece[column].sum() or 0)
    took = time.time() - start
    used = resource.getrusage(resource.RUSAGE_SELF)
    processor, peak = used.ru_utime + used.ru_stime, used.ru_maxrss / 1e6
    print(
        f"estimated and written in {took:.0f} s ({processor:.0f} s of processor time), peak {peak:.1f} GB "
        f"(tables read in {loaded:.0f} s, {held:.1f} GB); {rows:,} rows; sum {total:.9g}"
    )


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--candidates", type=int, default=1_000_000)
    p.add_argument("--sources", type=int, default=10_000)
    p.add_argument("--labels", type=int, default=15)
    p.add_argument("--folder", type=Path, help="keep the tables here, and use them if they are there")
    p.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    o = p.parse_args()
    if o.measure:
        return measure(o.measure, o.labels)
    with tempfile.TemporaryDirectory() as temporary:
        folder = o.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "labels.parquet").is_file():
            write(folder, o.candidates, o.sources, o.labels)
        print(
            f"{o.candidates:,} candidates, {o.sources:,} sources, {o.labels} labels; {platform.machine()}, {os.cpu_count()} cores, "
            f"Python {platform.python_version()}, polars {pl.__version__}, load {os.getloadavg()[0]:.1f}",
            flush=True,
        )
        subprocess.run([sys.executable, __file__, "--measure", str(folder), "--labels", str(o.labels)], check=True)
    return None


if __name__ == "__main__":
    main()
