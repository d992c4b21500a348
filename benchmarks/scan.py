"""How fast a shard is read, gated, counted and split, per core, and how much memory that takes: a Markdown table.

    python benchmarks/scan.py [--mb 300 1000] [--folder benchmarks/out]

The corpus is made here, from the bundled sample's sentences (synthetic) and from the Python text installed with the standard library,
always the same; 9 % of its documents hold a term of the gate. Each figure is a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import random
import resource
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent
SAMPLE = HERE.parent / "data" / "sample" / "source" / "bank.json"
HIT_SHARE = 0.09
NAMES = {"read": "read alone", "count": "read + gate + count", "choose": "read + gate + count + open + split"}


def sentences() -> tuple[list[str], list[str]]:
    """Plain sentences, and sentences with a term of the gate."""
    from corpus_tools.gate import Gate, load_lexicon
    from corpus_tools.pack import load_pack
    from corpus_tools.texts import join

    bank = json.loads(SAMPLE.read_text("utf-8"))
    said = [s for kind in bank.values() for part in kind.values() for s in part]
    library = Path(sysconfig.get_paths()["stdlib"])
    for name in (
        "argparse",
        "asyncio/events",
        "collections/__init__",
        "datetime",
        "decimal",
        "logging/__init__",
        "pathlib",
        "typing",
    ):
        path = library / f"{name}.py"
        if path.is_file():
            said += [line.strip() for line in path.read_text("utf-8").splitlines() if len(line.strip()) > 40]
    gate = Gate(load_lexicon(load_pack("ai_self_preservation").lexicon))
    hit = gate.hits(join(pa.array(said, pa.large_string())))
    return [s for s, h in zip(said, hit, strict=True) if not h], [s for s, h in zip(said, hit, strict=True) if h]


def generated(megabytes: float, sentences_a_document: float, hit_share: float = HIT_SHARE) -> Iterator[dict[str, str]]:
    """Documents of about 400 to 12,000 characters, until so many bytes are written."""
    plain, hits = sentences()
    rng = random.Random(2026)
    written, i = 0, 0
    while written < megabytes * 1e6:
        n = min(400, max(5, int(rng.lognormvariate(math.log(sentences_a_document), 0.7))))
        parts = rng.choices(plain, k=n)
        if rng.random() < hit_share:
            for _ in range(rng.randint(1, 3)):
                parts[rng.randrange(n)] = rng.choice(hits)
        for at in range(6, n, 7):
            parts[at] += "\n\n"
        text = " ".join(parts)
        site = int(rng.paretovariate(0.8)) % 5000
        written += len(text.encode())
        yield {
            "id": str(i),
            "text": text,
            "url": f"https://www.s{site}.example.org/{i}",
            "date": f"{2000 + i % 25}-01-01",
        }
        i += 1


def build(folder: Path, megabytes: int, sentences_a_document: float, hit_share: float = HIT_SHARE) -> Path:
    """One Parquet shard (zstd), made once."""
    share = "" if hit_share == HIT_SHARE else f"-{hit_share:g}"
    path = folder / f"corpus-{megabytes}-{sentences_a_document:g}{share}.parquet"
    if path.is_file():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    schema = pa.schema([(name, pa.string()) for name in ("id", "text", "url", "date")])
    with pq.ParquetWriter(part, schema, compression="zstd") as writer:
        rows: list[dict[str, str]] = []
        for row in generated(megabytes, sentences_a_document, hit_share):
            rows.append(row)
            if len(rows) == 20_000:
                writer.write_table(pa.Table.from_pylist(rows, schema))
                rows = []
        writer.write_table(pa.Table.from_pylist(rows, schema))
    part.rename(path)
    return path


def measure(what: str, path: Path) -> dict[str, float]:
    """In this process: seconds of processor time, bytes of text, documents, peak memory."""
    import pyarrow.compute as pc

    text = documents = hits = 0
    if what == "read":
        pa.set_cpu_count(1)
        start, wall = time.process_time(), time.perf_counter()
        for batch in pq.ParquetFile(path).iter_batches(2000, columns=["text"], use_threads=False):
            text += pc.sum(pc.binary_length(batch["text"])).as_py()
            documents += len(batch)
    else:
        from corpus_tools import tally
        from corpus_tools.config import parse_config
        from corpus_tools.gate import audit_draw
        from corpus_tools.pack import load_pack
        from corpus_tools.readers import READERS
        from corpus_tools.scan import Rules, choose
        from corpus_tools.shards import plan_shards
        from corpus_tools.sources import documents_read
        from corpus_tools.texts import count_words, join

        raw = {"name": "b", "output": "o", "corpus": [str(path)], "gate": {"audit_fraction": 0.001}}
        config = parse_config(raw, where="benchmark")
        pa.set_cpu_count(1)
        rules = Rules.of(config, load_pack(config.pack))
        (shard,) = plan_shards(config.corpus, seed=0).shards
        start, wall = time.process_time(), time.perf_counter()
        if what == "count":  # what touches every byte: no document is opened
            for batch in READERS[shard.format](shard, config.corpus[0]):
                texts = join(batch.documents["text"])
                words = count_words(texts)
                hit = rules.gate.hits(texts)
                audit_draw(texts, ~hit, fraction=0.001, seed=0)
                keys = documents_read(batch.documents, shard, texts.sizes, words)
                keys.group_by(tally.KEYS).agg(pl.col("bytes", "words").sum())
                text += int(texts.sizes.sum())
                documents += len(texts)
                hits += int(hit.sum())
        else:
            for chosen in choose(shard, config.corpus[0], rules):
                text += int(chosen.tally["bytes"].sum())
                documents += chosen.books.kept
                hits += int(chosen.tally["hit_documents"].sum())
    return {
        "cpu": time.process_time() - start,
        "wall": time.perf_counter() - wall,
        "text": text,
        "documents": documents,
        "hits": hits,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mb", type=int, nargs="+", default=[300, 1000])
    parser.add_argument(
        "--sentences", type=float, default=30, help="median sentences a document (of about 75 characters)"
    )
    parser.add_argument("--folder", type=Path, default=HERE / "out")
    parser.add_argument("--only", nargs=2, metavar=("WHAT", "PATH"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        print(json.dumps(measure(options.only[0], Path(options.only[1]))))
        return
    machine = (
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    )
    print(f"{datetime.now(UTC):%Y-%m-%d}, {machine}\n")
    print(
        "| shard | what | documents | hit | MB of text | CPU s | MB/s and core | peak MB |\n|---|---|---|---|---|---|---|---|"
    )
    for megabytes in options.mb:
        path = build(options.folder, megabytes, options.sentences)
        for what in ("read", "count", "choose") * 2:
            environment = os.environ | {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}
            done = subprocess.run(
                [sys.executable, __file__, "--only", what, str(path)],
                capture_output=True,
                text=True,
                check=True,
                env=environment,
            )
            m = json.loads(done.stdout)
            share = f"{m['hits'] / m['documents']:.1%}" if m["hits"] else ""
            name = NAMES[what]
            print(
                f"| {megabytes} MB Parquet | {name} | {m['documents']:,} | {share} | "
                f"{m['text'] / 1e6:.0f} | {m['cpu']:.2f} | {m['text'] / 1e6 / m['cpu']:.0f} | {m['peak_mb']:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
