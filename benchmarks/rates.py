"""Measures what `benchmarks/costs.py` reckons with, on one core: speeds of scan and encoder, and what the gate meets in web text.

    python benchmarks/rates.py WEB.parquet [--mb 300] [--output benchmarks/results/rates.json]

WEB: web text with address and date, as ../shared/corpus/web.parquet. Only speeds and counts of it are kept, no text. For the speeds it is
repeated to --mb megabytes, as Parquet and as WET.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # the other scripts here, also where this one is imported
RUNS = 3  # the median is told
RULES: dict[str, dict[str, str]] = {"rates": {}, "census": {"rule": "census"}, "scored": {"rule": "scored"}}
STRATA = ("hit", "near", "sampled")


def gate_statistics(web: Path) -> tuple[dict[str, Any], list[str]]:
    """Web text, every document opened -> counts, passages that the model knows the language of per MB by stratum, the mean rate of each
    screen's rule by stratum; and the texts of those of hit documents, to time the encoder on."""
    from corpus_tools.config import parse_config
    from corpus_tools.pack import load_pack
    from corpus_tools.scan import Rules, choose
    from corpus_tools.shards import plan_shards

    drawn: dict[str, dict[str, float]] = {}
    for rule, screen in RULES.items():
        raw = {"name": "b", "output": "o", "corpus": [str(web)], "gate": {"audit_fraction": 1.0}, "screen": screen}
        config = parse_config(raw, where="benchmark")
        (shard,) = plan_shards(config.corpus, seed=0).shards
        batches = list(choose(shard, config.corpus[0], Rules.of(config, load_pack(config.pack))))
        known = pl.concat([b.passages for b in batches]).filter(~pl.col("unscored"))
        drawn[rule] = {s: float(known.filter(stratum=s)["screen_probability"].mean() or 0.0) for s in STRATA}  # type: ignore[arg-type]
    counts = pl.concat([b.tally for b in batches])
    documents, size = int(counts["documents"].sum()), int(counts["bytes"].sum())
    return {
        "documents": documents,
        "mb": size / 1e6,
        "hit_documents": int(counts["hit_documents"].sum()) / documents,
        "passages_per_mb": {s: known.filter(stratum=s).height / size * 1e6 for s in STRATA},
        "drawn": drawn,
    }, known.filter(pl.col("stratum") != "sampled")["text"].to_list()


def speeds(web: Path, megabytes: float) -> tuple[dict[str, float], float]:
    """MB/s and core of a scan from Parquet and from WET; bytes of text for one of compressed WET."""
    from readers import conversion

    rows = pq.read_table(web, columns=["text", "url", "date"]).to_pylist()
    rows = [{name: value or "" for name, value in row.items()} for row in rows if row["text"]]
    size = sum(len(row["text"].encode()) for row in rows)
    times = max(1, round(megabytes * 1e6 / size))
    found: dict[str, list[float]] = {"parquet": [], "wet": []}
    with tempfile.TemporaryDirectory() as folder:
        paths = {"parquet": Path(folder) / "web.parquet", "wet": Path(folder) / "web.warc.wet.gz"}
        table = pa.Table.from_pylist(rows)
        with pq.ParquetWriter(paths["parquet"], table.schema, compression="zstd") as writer:
            for _ in range(times):
                writer.write_table(table)
        records = b"".join(gzip.compress(conversion(row), 6) for row in rows)
        with paths["wet"].open("wb") as file:
            for _ in range(times):
                file.write(records)
        environment = os.environ | {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}
        for form in list(paths) * RUNS:
            command = [sys.executable, str(HERE / "scan.py"), "--only", "choose", str(paths[form])]
            done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=900)
            m = json.loads(done.stdout)
            found[form].append(m["text"] / 1e6 / m["cpu"])
    return {form: statistics.median(rates) for form, rates in found.items()}, size / len(records)


def encoder_speed(texts: list[str], precision: str) -> float:
    """Passages a second of processor time, on one thread."""
    from corpus_tools.classifier import load_classifier
    from corpus_tools.config import ClassifierConfig
    from corpus_tools.embed import limit_threads
    from corpus_tools.pack import load_pack

    limit_threads(1)
    config = ClassifierConfig(engine="openvino", precision=precision)  # type: ignore[arg-type]
    encoder = load_classifier(load_pack("ai_self_preservation"), config).encoder
    encoder.encode(texts[:8])
    rates = []
    for _ in range(RUNS):
        start = time.process_time()
        encoder.encode(texts)
        rates.append(len(texts) / (time.process_time() - start))
    return statistics.median(rates)


def main() -> None:
    from readers import processor

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("web", type=Path)
    parser.add_argument("--mb", type=float, default=300)
    parser.add_argument("--passages", type=int, default=300, help="to time the encoder on")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "rates.json")
    given = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    load = os.getloadavg()[0]
    gate, texts = gate_statistics(given.web)
    scan, ratio = speeds(given.web, given.mb)
    rates = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{processor()}, {os.cpu_count()} cores, Python {sys.version.split()[0]}",
        "load": load,
        "scan": scan,
        "encoder": {precision: encoder_speed(texts[: given.passages], precision) for precision in ("fp32", "bf16")},
        "web": gate | {"gzip": ratio},
    }
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(json.dumps(rates, indent=1) + "\n", "utf-8")
    print(given.output.read_text("utf-8"))


if __name__ == "__main__":
    main()
