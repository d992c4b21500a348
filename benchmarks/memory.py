"""How much memory one worker takes to scan one large shard: a Markdown table.

    python benchmarks/memory.py [--gb 0.5 5] [--forms parquet parquet-one-group jsonl jsonl.zst] [--folder benchmarks/out]

The shards are made here (the corpus of scan.py, over and over) and deleted afterwards. Each is scanned by a process of its own, by all
steps of a scan, with the pack's encoder; so that the reading of gigabytes takes minutes and not hours, few passages are scored. What the
process held when the classifier was loaded, before the first document was read, is told apart.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from scan import HERE, generated

ROWS_MB = 100  # of text: made once, then written again and again


def build(folder: Path, gigabytes: float, form: str) -> Path:
    """One shard of so much text."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"memory-{gigabytes:g}.{'parquet' if form.startswith('parquet') else form}"
    rows = list(generated(ROWS_MB, 30))
    times = max(1, round(gigabytes * 1000 / ROWS_MB))
    if form.startswith("parquet"):
        table = pa.Table.from_pylist(rows)
        groups = [pa.concat_tables([table] * times)] if form == "parquet-one-group" else [table] * times
        with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
            for group in groups:
                writer.write_table(group, row_group_size=len(group) if len(groups) == 1 else 20_000)
        return path
    lines = b"".join(orjson.dumps(row) + b"\n" for row in rows)
    with path.open("wb") as raw:
        packed = zstandard.ZstdCompressor(1).stream_writer(raw) if form.endswith("zst") else raw
        for _ in range(times):
            packed.write(lines)
        if packed is not raw:
            packed.close()
    return path


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def held_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def measure(path: Path) -> dict[str, float]:
    """In this process: a whole scan of one shard."""
    from corpus_tools.classifier import load_classifier
    from corpus_tools.config import parse_config
    from corpus_tools.embed import limit_threads
    from corpus_tools.pack import load_pack
    from corpus_tools.root import Root
    from corpus_tools.scan import Rules, scan
    from corpus_tools.shards import plan_shards

    with tempfile.TemporaryDirectory(dir=path.parent) as output:
        raw = {"name": "b", "output": output, "corpus": [str(path)], "gate": {"audit_fraction": 0.001}}
        config = parse_config(raw | {"screen": {"hit": 0.0001, "near": 0.00001}}, where="benchmark")
        limit_threads(1)
        pack = load_pack(config.pack)
        classifier = load_classifier(pack)
        rules = Rules.of(config, pack)
        classifier.features(["A sentence to have everything loaded."])
        before = held_mb()
        (shard,) = plan_shards(config.corpus, seed=0).shards
        started, cpu = time.perf_counter(), time.process_time()
        manifest = scan(shard, config.corpus[0], rules, classifier, Root(output), "scan")
        return {
            "before": before, "peak": peak_mb(), "wall": time.perf_counter() - started, "cpu": time.process_time() - cpu,
            "text": manifest["text_bytes"], "passages": manifest["hit_passages"] + manifest["near_passages"],
            "scored": manifest["candidates"], "file": shard.bytes,
        }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gb", type=float, nargs="+", default=[0.5, 5], help="of text")
    parser.add_argument("--forms", nargs="+", default=["parquet"])
    parser.add_argument("--folder", type=Path, default=HERE / "out")
    parser.add_argument("--only", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        print(json.dumps(measure(options.only)))
        return
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n"
    )
    print(
        "| shard | GB of text | file GB | passages | scored | wall s | CPU s | MB before the scan | peak MB | difference |\n"
        "|---|---|---|---|---|---|---|---|---|---|"
    )
    for form in options.forms:
        for gigabytes in options.gb:
            path = build(options.folder, gigabytes, form)
            try:
                environment = os.environ | {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}
                command = [sys.executable, __file__, "--only", str(path)]
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
            finally:
                path.unlink()
            m = json.loads(done.stdout.splitlines()[-1])
            print(
                f"| {form} | {m['text'] / 1e9:.1f} | {m['file'] / 1e9:.2f} | {m['passages']:,} | {m['scored']:,} | {m['wall']:.0f} | "
                f"{m['cpu']:.0f} | {m['before']:.0f} | {m['peak']:.0f} | {m['peak'] - m['before']:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
