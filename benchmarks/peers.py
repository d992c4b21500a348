"""This tool and its peers on one file with one lexicon, one process and one core each, in one go: a Markdown table.

    python benchmarks/peers.py [--gb 0.3] [--hits 0.09] [--web FILES…] [--dolma PYTHON] [--output benchmarks/results/peers.md]

The corpus is that of `benchmarks/scan.py`, always the same, or a Parquet file of yours (`--corpus`). Every way must find as many documents,
or the command fails. Slow ways read the first --slice megabytes of it. A peer that is not installed is left out with a line that says
so: `pip install 'corpus-audit[bench]'`; dolma's pins contradict this project's, so it needs an environment of its own (`--dolma`
names its Python).
The end-to-end part takes a mix of the same text in which 2 % of passages carry a term, or of --web, as `benchmarks/screen.py` does.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from peer_ways import FAST, SLOW, WAYS, pattern
from readers import processor

HERE = Path(__file__).parent
MIXED = {
    "embed, torch": "every passage embedded with the same model (sentence-transformers, fp32)",
    "embed": "every passage embedded by this tool's engine",
    "scored": "**this tool end to end**, screen on (`rule: scored`)",
    "rates 1 / 0.2": "this tool end to end, the default rates (1 / 0.2)",
}


def called(command: list[str], timeout: float) -> dict[str, float] | str:
    """A process's JSON, or the last line of why there is none."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"), "1")
    environment = os.environ | threads | {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=timeout)
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["no output"])[-1]
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def measured(name: str, folder: Path, dolma: str) -> dict[str, float] | str:
    """The median by processor time of a few processes."""
    runs: list[dict[str, float]] = []
    for _ in range(WAYS[name].repeat):
        command = [sys.executable, str(HERE / "peer_ways.py"), name, str(folder)]
        if WAYS[name].file == "dolma":
            command = [dolma, str(HERE / "peer_dolma.py"), name.removeprefix("dolma-"), str(folder)]
        got = called(command, timeout=1800)
        if isinstance(got, str):
            return got
        runs.append(got)
    return sorted(runs, key=lambda run: run["cpu"])[len(runs) // 2]


def head(path: Path, megabytes: float, out: Path) -> int:
    """The first documents of a Parquet file, about so many megabytes of text -> a Parquet file; returns the bytes."""
    batches, size = [], 0
    for batch in pq.ParquetFile(path).iter_batches(200):
        batches.append(batch)
        size += pc.sum(pc.binary_length(batch["text"])).as_py() or 0
        if size >= megabytes * 1e6:
            break
    pq.write_table(pa.Table.from_batches(batches), out, compression="zstd")
    return size


def prepared(folder: Path, given: argparse.Namespace) -> dict[str, int]:
    """Writes the files that the ways read; returns bytes of text by file."""
    from scan import build

    folder.mkdir(parents=True, exist_ok=True)
    corpus = given.corpus or build(folder.parent, round(given.gb * 1000), 30, given.hits)
    (folder / "whole.parquet").unlink(missing_ok=True)
    (folder / "whole.parquet").symlink_to(corpus.resolve())
    sizes = {"slice": head(corpus, given.slice, folder / "slice.parquet")}
    sizes["whole"] = sum(
        pc.sum(pc.binary_length(batch["text"])).as_py() or 0
        for batch in pq.ParquetFile(corpus).iter_batches(2000, columns=["text"])
    )
    head(corpus, 0.5, folder / "warm.parquet")
    head(corpus, 3 * given.mix, folder / "mixed.parquet")
    (folder / "dolma" / "documents").mkdir(parents=True, exist_ok=True)
    (folder / "dolma" / "pattern.txt").write_text(pattern(), "utf-8")
    for part in ("warm", "slice"):
        texts = pq.read_table(folder / f"{part}.parquet", columns=["text"])["text"].to_pylist()
        rows = [{"id": str(i), "text": text} for i, text in enumerate(texts) if text]
        lines = pa.CompressedOutputStream(str(folder / "dolma" / "documents" / f"{part}.json.gz"), "gzip")
        with lines:
            lines.write("".join(json.dumps({**row, "source": "b"}, ensure_ascii=False) + "\n" for row in rows).encode())
    return sizes


def scans(folder: Path, sizes: dict[str, int], dolma: str) -> Iterator[str]:
    """The first table. Ends with an error if two ways find different documents in the same file."""
    yield "| way | documents | with a phrase | MB of text | CPU s | MB per CPU s | wall s | the scan is faster by | peak MB |"
    yield "|---|---|---|---|---|---|---|---|---|"
    results = {name: measured(name, folder, dolma) for name in WAYS}
    scan = results["scan"]
    assert not isinstance(scan, str), scan
    speed = sizes["whole"] / scan["cpu"]
    left_out, found = [], dict[str, set[float]]()
    for name, way in WAYS.items():
        got = results[name]
        if isinstance(got, str):
            left_out.append(f"Left out: {way.title} ({got}).")
            continue
        gated = not name.endswith("read")
        if gated:
            found.setdefault(way.text, set()).add(got["hits"])
        size = sizes[way.text]
        share = f"{got['hits']:,.0f} ({got['hits'] / got['documents']:.1%})" if gated else ""
        yield (
            f"| {way.title} | {got['documents']:,.0f} | {share} | {size / 1e6:,.0f} | {got['cpu']:.2f} | {size / 1e6 / got['cpu']:,.3g}"
            f" | {got['wall']:.2f} | {speed / (size / got['cpu']):.3g} | {got['mb']:,.0f} |"
        )
    if any(len(same) > 1 for same in found.values()):
        raise SystemExit(f"the ways find different numbers of documents with a phrase: {found}")
    yield "\n" + " ".join(["All ways found as many documents with a phrase.", *left_out])


def mixed(folder: Path, web: list[str], megabytes: float, precision: str) -> Iterator[str]:
    """The second table: from a shard to scores."""
    yield "| way | MB of text | passages scored | CPU s | MB per CPU s | over embedding with sentence-transformers |"
    yield "|---|---|---|---|---|---|"
    base = 0.0
    for name, title in MIXED.items():
        command = [
            sys.executable,
            str(HERE / "screen.py"),
            *(web or [str(folder / "mixed.parquet")]),
            "--mb",
            f"{megabytes:g}",
        ]
        command += [
            "--precision",
            "fp32" if name == "embed, torch" else precision,
            "--folder",
            str(folder),
            "--only",
            name,
        ]
        got = called(command, timeout=1800)
        if isinstance(got, str):
            yield f"| {title} | left out: {got} | | | | |"
            continue
        rate = got["bytes"] / 1e6 / got["cpu"]
        base = base or rate
        yield f"| {title} | {got['bytes'] / 1e6:.2f} | {got['scored']:,.0f} | {got['cpu']:.1f} | {rate:.3g} | {rate / base:.3g} |"


def installed(dolma: str) -> str:
    """Versions of what ran."""
    names = (
        "pyarrow",
        "hyperscan",
        "datatrove",
        "google-re2",
        "datasets",
        "sentence-transformers",
        "torch",
        "openvino",
    )
    told = []
    for name in names:
        try:
            told.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    asked = "import importlib.metadata as m; print('dolma', m.version('dolma'))"
    there = subprocess.run([dolma, "-c", asked], capture_output=True, text=True, check=False)
    return ", ".join([*told, *([there.stdout.strip()] if there.returncode == 0 else [])])


HEAD = """# This tool and its peers

`python benchmarks/peers.py {arguments}`, {now:%Y-%m-%d},
{machine}, {cores} cores, Python {python}, load {load:.1f} at the start;
{versions}.

One process on one core for each figure, file cache warm, libraries loaded and phrases compiled beforehand; median of {fast} by
processor time (of {slow} for Python `re`). One Parquet file: {corpus}; slow ways read its first {slice:g} MB of text, dolma as gzipped
JSON Lines, which is what it reads. datatrove reads all columns, as it does by default. The lexicon is the pack's {phrases} phrases, as one
regular expression with the same meaning in each engine.
"""
MIX = """
## From text to scores

A mix in which 2 % of passages carry a term, of {source}; one thread, {precision}. Embedding alone is timed on the first passages of it,
without reading or splitting.
"""


def report(given: argparse.Namespace) -> Iterator[str]:
    """The page, line by line."""
    from screen import build

    folder = given.folder / f"peers-{given.corpus.stem if given.corpus else f'{given.gb:g}-{given.hits:g}'}"
    sizes = prepared(folder, given)
    yield HEAD.format(
        arguments=" ".join(sys.argv[1:]), now=datetime.now(UTC), machine=processor(), cores=os.cpu_count(),
        python=sys.version.split()[0], load=os.getloadavg()[0], versions=installed(given.dolma), fast=FAST, slow=SLOW,
        corpus=given.corpus or "generated, zstd", slice=given.slice, phrases=pattern().count("|") + 1,
    )  # fmt: skip
    yield from scans(folder, sizes, given.dolma)
    shares = called([sys.executable, str(HERE / "stages.py"), str(folder / "whole.parquet"), "--json"], timeout=600)
    assert not isinstance(shares, str), shares
    yield "\nWhere the scan's processor time goes (by a profiler, `benchmarks/stages.py`):"
    yield "; ".join(f"{step} {share:.0%}" for step, share in shares.items()) + "."
    path = folder / f"mix-{given.mix:g}.parquet"
    path.unlink(missing_ok=True)
    build(given.web or [str(folder / "mixed.parquet")], given.mix, path)
    yield MIX.format(source=" ".join(given.web) or "the generated text", precision=given.precision)
    yield from mixed(folder, given.web, given.mix, given.precision)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gb", type=float, default=0.3, help="of text")
    parser.add_argument("--hits", type=float, default=0.09, help="share of documents with a phrase")
    parser.add_argument("--corpus", type=Path, help="a Parquet file of yours, in the place of the generated corpus")
    parser.add_argument("--slice", type=float, default=20, help="MB of text for the slow ways")
    parser.add_argument("--mix", type=float, default=20, help="MB of text, end to end")
    parser.add_argument(
        "--web", nargs="+", default=[], help="files or globs for the mix, in the place of the generated text"
    )
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--dolma", default=sys.executable, help="Python of an environment with dolma (and google-re2)")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "peers.md")
    parser.add_argument("--folder", type=Path, default=HERE / "out")
    given = parser.parse_args()
    lines = []
    for line in report(given):
        print(line, flush=True)
        lines.append(line)
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
