"""What the screen saves and costs: one shard of mixed text scanned under several screens, and every passage embedded for comparison.

    python benchmarks/screen.py CORPUS… [--mb 30] [--precision bf16 | fp32 | int8] [--folder benchmarks/out]

CORPUS: files or globs as in a configuration. Documents are taken in hash order, those that the gate hits so often that 2 % of all passages
carry a term. One core: processor seconds of one process with one encoder thread, so other load on the machine changes little. *Sum of
scores*: the headline label's, weighted, over all passages of hit documents; the census knows it, the others estimate it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent
SHARE = 0.02  # of passages that carry a term
EMBEDDED = {"embed": ("auto", 600), "embed, torch": ("torch", 200)}
"""Every passage embedded: by which engine (torch: sentence-transformers), and how many passages are timed."""
SCREENS: dict[str, dict[str, object]] = {
    "census of hit documents": {"rule": "census"},
    "rates 1 / 0.2": {"hit": 1.0, "near": 0.2, "sampled": 1.0},
    "scored": {"rule": "scored"},
    "scored, 0.5 / 0.1 / 0.5": {"rule": "scored", "hit": 0.5, "near": 0.1, "sampled": 0.5},
    "scored, 0.25 / 0.05 / 0.25": {"rule": "scored", "hit": 0.25, "near": 0.05, "sampled": 0.25},
}


def build(corpus: list[str], megabytes: float, path: Path) -> None:
    """Mixed documents -> one Parquet shard."""
    from corpus_tools.config import parse_config
    from corpus_tools.pack import load_pack
    from corpus_tools.passages import split
    from corpus_tools.readers import READERS
    from corpus_tools.sampling import content_hash
    from corpus_tools.scan import Rules
    from corpus_tools.shards import plan_shards
    from corpus_tools.texts import join

    config = parse_config({"name": "b", "output": "o", "corpus": corpus}, where="benchmark")
    rules = Rules.of(config, load_pack(config.pack))
    texts: dict[bool, list[str]] = {True: [], False: []}
    for shard in plan_shards(config.corpus, seed=0).shards:
        entry = next(e for e in config.corpus if e.name == shard.dataset)
        for batch in READERS[shard.format](shard, entry):
            hit = rules.gate.hits(join(batch.documents["text"]))
            for text, h in zip(batch.documents["text"].to_pylist(), hit.tolist(), strict=True):
                if text and text.strip():
                    texts[h].append(text)
    for part in texts.values():
        part.sort(key=content_hash)
    chosen: list[str] = []
    size = passages = with_term = 0
    i = {True: 0, False: 0}
    while size < megabytes * 1e6 and all(i[h] < len(texts[h]) for h in i):
        want_hit = with_term < SHARE * passages
        text = texts[want_hit][i[want_hit]]
        i[want_hit] += 1
        parts = [text[a:b] for a, b in split(text, config.passages)]
        passages += len(parts)
        with_term += int(rules.gate.hits(join(pa.array(parts, pa.large_string()))).sum()) if want_hit else 0
        chosen.append(text)
        size += len(text.encode())
    chosen.sort(key=lambda t: content_hash(t + "order"))
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"text": chosen}), path, compression="zstd", row_group_size=2000)


def measure(screen: str, path: Path, precision: str) -> dict[str, float]:
    """One screen over the shard -> seconds, passages and the weighted sum of scores."""
    from corpus_tools.classifier import load_classifier
    from corpus_tools.config import ClassifierConfig, parse_config
    from corpus_tools.embed import limit_threads
    from corpus_tools.pack import load_pack
    from corpus_tools.root import Root
    from corpus_tools.scan import Rules, scan
    from corpus_tools.shards import plan_shards

    limit_threads(1)
    pack = load_pack("ai_self_preservation")
    engine, most = EMBEDDED.get(screen, ("auto", 0))
    if engine == "torch" and precision == "int8":
        precision = "fp32"  # int8 is OpenVINO's
    classifier = load_classifier(pack, ClassifierConfig(precision=precision, engine=engine))  # type: ignore[arg-type]
    classifier.score(["warm up"])
    if most:  # the same model on passages as they come
        from corpus_tools.passages import split

        texts = pq.read_table(path)["text"].to_pylist()[:150]
        config = parse_config({"name": "b", "output": "o", "corpus": [str(path)]}, where="benchmark")
        parts = [t[a:b] for t in texts for a, b in split(t, config.passages)][:most]
        start = time.process_time()
        classifier.score(parts)
        took = time.process_time() - start
        return {"cpu": took, "bytes": float(sum(len(p.encode()) for p in parts)), "scored": len(parts)}
    with tempfile.TemporaryDirectory() as folder:
        raw = {
            "name": "b",
            "output": folder,
            "corpus": [str(path)],
            "gate": {"audit_fraction": 0.001},
            "screen": SCREENS[screen],
        }
        config = parse_config(raw, where="benchmark")
        rules, root = Rules.of(config, pack), Root(folder)
        (shard,) = plan_shards(config.corpus, seed=0).shards
        start = time.process_time()
        manifest = scan(shard, config.corpus[0], rules, classifier, root, "s")
        took = time.process_time() - start
        passages = pl.DataFrame(pl.from_arrow(root.shard_table("s", [shard.shard_id], "passages")))
        scores = root.scores(classifier.classifier_id, "s", [shard.shard_id])
    found = passages.join(scores.select("passage_id", s=pack.headline), on="passage_id").filter(
        pl.col("stratum") != "sampled"
    )
    q, s = found["screen_probability"].to_numpy(), found["s"].to_numpy().astype(float)
    near = passages.filter(stratum="near").height
    return {
        "cpu": took, "bytes": float(manifest["text_bytes"]), "scored": manifest["candidates"],
        "hit": passages.filter(stratum="hit").height, "near": near,
        "sum": float((s / q).sum()), "sd": float(np.sqrt(((1 - q) / q**2 * s**2).sum())),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="+")
    parser.add_argument("--mb", type=float, default=30)
    parser.add_argument("--precision", choices=["fp32", "bf16", "int8"], default="bf16")
    parser.add_argument("--folder", type=Path, default=HERE / "out")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    options = parser.parse_args()
    path = options.folder / f"mix-{options.mb:g}.parquet"
    if options.only:
        print(json.dumps(measure(options.only, path, options.precision)))
        return
    if not path.is_file():
        build(options.corpus, options.mb, path)
    machine = (
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    )
    print(f"{datetime.now(UTC):%Y-%m-%d}, {machine}, load {os.getloadavg()[0]:.1f}, {options.precision}\n")
    print(
        "| screen | MB of text | hit, near passages | scored | CPU s | MB/s and core | over embedding all | sum of scores |"
    )
    print("|---|---|---|---|---|---|---|---|")
    environment = os.environ | {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    base = 0.0
    for name in ("embed", *SCREENS):
        command = [
            sys.executable,
            __file__,
            *options.corpus,
            "--mb",
            f"{options.mb:g}",
            "--precision",
            options.precision,
        ]
        command += ["--folder", str(options.folder), "--only", name]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=1200)
        m = json.loads(done.stdout.splitlines()[-1])
        rate = m["bytes"] / 1e6 / m["cpu"]
        base = base or rate
        sums = f"{m['sum']:.1f} ± {1.96 * m['sd']:.1f}" if "sum" in m else ""
        there = f"{m['hit']:,}, {m['near']:,}" if "hit" in m else ""
        label = "every passage embedded" if name == "embed" else name
        print(
            f"| {label} | {m['bytes'] / 1e6:.1f} | {there} | {m['scored']:,} | {m['cpu']:.1f} | {rate:.3g} | {rate / base:.0f} | {sums} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
