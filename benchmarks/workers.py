"""How much sooner two workers are done than one: a Markdown table of whole audits of one generated corpus.

    python benchmarks/workers.py [--mb 200] [--shards 8] [--near 0.05] [--workers 1 2] [--folder benchmarks/out]

Each audit is a process of its own with a temporary Prefect server; every worker's encoder has one thread, so that one worker is one
core. `--large` writes one shard, which is scanned in parts. Scanning is timed apart from what one process does before and after it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from scan import HERE, generated


def build(folder: Path, megabytes: int, shards: int) -> Path:
    """A folder of Parquet shards."""
    place = folder / f"workers-{megabytes}-{shards}"
    if place.is_dir():
        return place
    rows = list(generated(megabytes, 30))
    place.mkdir(parents=True)
    for i in range(shards):
        table = pa.Table.from_pylist(rows[i::shards])
        pq.write_table(table, place / f"{i}.parquet", compression="zstd", row_group_size=max(1000, len(table) // 40))
    return place


def measure(corpus: Path, workers: int, near: float, split_mb: float) -> dict[str, float]:
    """In this process: one audit."""
    import pipelines.cli  # noqa: F401  (sets Prefect to be quiet)
    from corpus_tools.config import parse_config
    from pipelines.audit import run_audit
    from pipelines.watch import Watcher

    steps: dict[str, float] = {}

    class Clock(Watcher):
        def step(self, name: str) -> None:
            steps[name] = time.perf_counter()

    root = corpus.with_name(f"root-{corpus.name}-{workers}")
    shutil.rmtree(root, ignore_errors=True)
    raw = {"name": "b", "output": str(root), "corpus": [str(corpus / "*.parquet")], "gate": {"audit_fraction": 0.001}}
    raw |= {"screen": {"hit": near, "near": near}, "store": {"text": "none"}}
    runner = {"kind": "processes", "workers": workers, "threads": 1, "split_mb": split_mb}
    started = time.perf_counter()
    run_audit(parse_config(raw | {"runner": runner}, where="benchmark"), Clock())
    wall = time.perf_counter() - started
    shutil.rmtree(root, ignore_errors=True)
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {
        "wall": wall,
        "scan": steps["estimate"] - steps["scan"],
        "cpu": sum(u.ru_utime + u.ru_stime for u in used),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mb", type=int, default=200, help="of text")
    parser.add_argument("--shards", type=int, default=8)
    parser.add_argument("--large", action="store_true", help="one shard in its place, in parts")
    parser.add_argument(
        "--near", type=float, default=0.05, help="share of the opened documents' passages that is scored"
    )
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--folder", type=Path, default=HERE / "out")
    parser.add_argument("--only", nargs=3, metavar=("CORPUS", "WORKERS", "SPLIT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        corpus, workers, split = options.only
        print(json.dumps(measure(Path(corpus), int(workers), options.near, float(split))))
        return
    corpus = build(options.folder, options.mb, 1 if options.large else options.shards)
    split = sum(p.stat().st_size for p in corpus.iterdir()) / 1e6 / 10 if options.large else 64
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    )
    print(f"load of the machine before: {os.getloadavg()[0]:.1f}\n")
    print("| workers | scan s | times as fast | whole audit s | CPU s |\n|---|---|---|---|---|")
    first = 0.0
    for workers in options.workers:
        environment = os.environ | ({"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"} if workers == 1 else {})
        command = [
            sys.executable,
            __file__,
            "--near",
            str(options.near),
            "--only",
            str(corpus),
            str(workers),
            str(split),
        ]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
        m = json.loads(done.stdout.splitlines()[-1])
        first = first or m["scan"]
        print(
            f"| {workers} | {m['scan']:.1f} | {first / m['scan']:.2f} | {m['wall']:.1f} | {m['cpu']:.1f} |", flush=True
        )


if __name__ == "__main__":
    main()
