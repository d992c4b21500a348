"""Every reader against its floor (decompression, or pyarrow alone) and against its peers, in one run: a Markdown table.

    python benchmarks/readers.py [--mb 100] [--repeat 3] [--folder benchmarks/out]

Peers that are not installed are left out: `pip install warcio datatrove`. The text is that of `benchmarks/scan.py`. Each figure
is the best of a few processes of their own, each on one core.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import hashlib
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

Reads = Callable[[Path], int]
"""A file -> bytes of text read (of a floor: 0)."""


def write(folder: Path, megabytes: int) -> int:
    """Writes the same documents in every format; returns the bytes of their text."""
    from scan import generated

    documents = list(generated(megabytes, 60))
    pq.write_table(pa.Table.from_pylist(documents), folder / "x.parquet", compression="zstd", row_group_size=10_000)
    lines = b"\n".join(json.dumps(d, ensure_ascii=False).encode() for d in documents)
    (folder / "x.jsonl").write_bytes(lines)
    (folder / "x.jsonl.gz").write_bytes(gzip.compress(lines, 6))
    (folder / "x.jsonl.zst").write_bytes(zstandard.compress(lines))
    with (folder / "x.warc.wet.gz").open("wb") as wet, (folder / "x.warc.gz").open("wb") as warc:
        for document in documents:
            wet.write(gzip.compress(conversion(document), 6))
        for document in documents[: len(documents) // 8]:
            warc.write(gzip.compress(response(document), 6))
    return sum(len(d["text"].encode()) for d in documents)


def record(kind: str, media: str, url: str, block: bytes) -> bytes:
    digest = base64.b32encode(hashlib.sha1(block, usedforsecurity=False).digest()).decode()
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {url}\r\nWARC-Date: 2024-02-21T10:00:00Z\r\n"
        f"WARC-Record-ID: <urn:uuid:{digest[:8]}>\r\nWARC-Block-Digest: sha1:{digest}\r\nContent-Type: {media}\r\n"
        f"WARC-Identified-Content-Language: eng\r\nContent-Length: {len(block)}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"


def conversion(document: dict[str, str]) -> bytes:
    return record("conversion", "text/plain", document["url"], document["text"].encode())


def response(document: dict[str, str]) -> bytes:
    paragraphs = "".join(f"<p class='text'>{p}</p>\n" for p in document["text"].replace("<", "&lt;").split("\n\n"))
    links = "".join(f"<li class='nav-item'><a href='/{i}'>Page {i}</a></li>" for i in range(40))
    html = (
        "<!doctype html><html><head><meta charset='utf-8'><title>A page</title><style>p {margin: 1em}</style></head><body>"
        f"<nav><ul>{links}</ul></nav><main><article>{paragraphs}</article></main><footer><ul>{links}</ul></footer></body></html>"
    )
    http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + html.encode()
    return record("response", "application/http; msgtype=response", document["url"], http)


def this_tool(path: Path) -> int:
    from corpus_tools.config import CorpusEntry
    from corpus_tools.readers import READERS
    from corpus_tools.shards import Shard

    entry = CorpusEntry(uri=str(path), name="d")
    kind = next(f for f in ("parquet", "jsonl", "warc") if f in path.name)
    shard = Shard("d", path.name, str(path), kind, path.stat().st_size, "", "")
    size = 0
    for batch in READERS[kind](shard, entry):
        size += batch.documents["text"].nbytes
    return size


def floor_parquet(path: Path) -> int:
    columns = ["id", "text", "url", "date"]
    names = [c for c in columns if c in pq.read_schema(path).names]
    for _ in pq.ParquetFile(path).iter_batches(4096, columns=names, use_threads=False):
        pass
    return 0


def floor_plain(path: Path) -> int:
    with path.open("rb") as file:
        while file.read(1 << 20):
            pass
    return 0


def floor_gzip(path: Path) -> int:
    from isal import igzip

    with igzip.open(path) as file:
        while file.read(1 << 20):
            pass
    return 0


def floor_zstd(path: Path) -> int:
    with pa.CompressedInputStream(str(path), "zstd") as file:
        while file.read(1 << 20):
            pass
    return 0


def floor_extraction(path: Path) -> int:
    """Decompression, and the main text of every page: what no reader of WARC that extracts text with this library can do without."""
    from isal import igzip
    from resiliparse.extract.html2text import extract_plain_text

    size = 0
    for part in igzip.open(path).read().split(b"<!doctype html>")[1:]:
        size += len(extract_plain_text(part.split(b"WARC/1.0\r\n")[0].decode(), main_content=True, alt_texts=False))
    return size


def datasets_library(path: Path) -> int:
    import datasets

    datasets.disable_progress_bars()
    builder = "parquet" if path.suffix == ".parquet" else "json"
    stream = datasets.load_dataset(builder, data_files={"train": [str(path)]}, split="train", streaming=True)
    return sum(t["text"].nbytes for t in stream.with_format("arrow").iter(batch_size=1000))


def datatrove_reader(path: Path) -> int:
    from datatrove.pipeline.readers import JsonlReader, ParquetReader, WarcReader
    from loguru import logger

    logger.remove()
    kind: Any = ParquetReader if path.suffix == ".parquet" else JsonlReader if ".jsonl" in path.name else WarcReader
    size = 0
    for document in kind(str(path.parent), glob_pattern=path.name, file_progress=False)():
        size += len(document.text)
    return size


def fastwarc_iterator(path: Path) -> int:
    from fastwarc.warc import ArchiveIterator
    from isal import igzip

    size = 0
    for one in ArchiveIterator(igzip.open(path), parse_http=False):
        size += len(one.reader.read())
    return size


def warcio_iterator(path: Path) -> int:
    from warcio.archiveiterator import ArchiveIterator

    size = 0
    with path.open("rb") as file:
        for one in ArchiveIterator(file):
            size += len(one.content_stream().read())
    return size


def polars_lines(path: Path) -> int:
    import polars as pl

    return int(pl.read_ndjson(path)["text"].str.len_bytes().sum())


CASES: dict[str, dict[str, Reads]] = {
    "x.parquet": {
        "floor: pyarrow, the same columns": floor_parquet, "this tool": this_tool,
        "datasets, streaming, Arrow": datasets_library, "datatrove ParquetReader": datatrove_reader,
    },
    "x.jsonl": {
        "floor: reading the bytes": floor_plain, "this tool": this_tool, "Polars read_ndjson (whole file in memory)": polars_lines,
        "datasets, streaming, Arrow": datasets_library, "datatrove JsonlReader": datatrove_reader,
    },
    "x.jsonl.gz": {
        "floor: decompression (isal)": floor_gzip, "this tool": this_tool, "datasets, streaming, Arrow": datasets_library,
        "datatrove JsonlReader": datatrove_reader,
    },
    "x.jsonl.zst": {
        "floor: decompression": floor_zstd, "this tool": this_tool, "datasets, streaming, Arrow": datasets_library,
        "datatrove JsonlReader": datatrove_reader,
    },
    "x.warc.wet.gz": {
        "floor: decompression (isal)": floor_gzip, "this tool": this_tool, "fastwarc over isal, records read": fastwarc_iterator,
        "warcio, records read": warcio_iterator, "datatrove WarcReader": datatrove_reader,
    },
    "x.warc.gz": {
        "floor: decompression (isal)": floor_gzip, "floor: and main text (resiliparse)": floor_extraction, "this tool": this_tool,
        "fastwarc over isal, no main text": fastwarc_iterator, "warcio, no main text": warcio_iterator,
    },
}  # fmt: skip


def one(file: Path, name: str) -> None:
    """Runs in a process of its own: the time of a second reading, so that no import counts, as JSON."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    reads = CASES[file.name][name]
    reads(file)
    start, cpu = time.perf_counter(), time.process_time()
    size = reads(file)
    print(json.dumps({"s": time.perf_counter() - start, "cpu": time.process_time() - cpu, "bytes": size}), flush=True)
    os._exit(0)  # `datasets` may abort while its threads are torn down


def measured(file: Path, name: str, repeat: int) -> dict[str, float] | None:
    """The best of a few runs; None where the peer is not installed."""
    best: dict[str, float] | None = None
    for _ in range(repeat):
        command = [sys.executable, __file__, "--one", name, "--file", str(file)]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"},
        )
        if done.returncode:
            why = done.stderr.strip().splitlines()[-1:]
            print(f"<!-- {file.name}, {name}: left out: {why} -->")
            return None
        got = json.loads(done.stdout.splitlines()[-1])
        best = got if best is None or got["cpu"] < best["cpu"] else best
    return best


def rows(folder: Path, size: int, repeat: int) -> Iterator[str]:
    for name, cases in CASES.items():
        text = size // 8 if name == "x.warc.gz" else size
        for case, _ in cases.items():
            best = measured(folder / name, case, repeat)
            if best:
                yield f"| {name[2:]} | {case} | {text / 1e6 / best['cpu']:,.0f} | {text / 1e6 / best['s']:,.0f} |"


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines() if Path("/proc/cpuinfo").exists() else []:
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mb", type=int, default=100)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent / "out")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        one(given.file, given.one)
        return
    folder = given.folder / f"readers-{given.mb}"
    folder.mkdir(parents=True, exist_ok=True)
    size = write(folder, given.mb)
    print(f"{datetime.now(UTC):%Y-%m-%d}, {processor()}, {os.cpu_count()} cores, Python {platform.python_version()};")
    print(f"{size / 1e6:,.0f} MB of text (an eighth of it as HTML in WARC), one core, best of {given.repeat}.\n")
    print("| format | way | MB of text per CPU second | per second |\n|---|---|---|---|")
    for row in rows(folder, size, given.repeat):
        print(row, flush=True)


if __name__ == "__main__":
    main()
