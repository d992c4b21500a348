"""How often the demo's intervals hold the known truth, over reseeded audits of the bundled sample.

    python data/sample/coverage.py              # scores every passage anew (scores.npz), audits 200 times (coverage.json)
    python data/sample/coverage.py --audits 50 --keep-scores

Run it again when the weights, the sample or an estimator changes. An audit here is the demo's: shards read, gate, audit draw, screen
and label round with a seed of its own; only the scores are looked up, by content. Neither file holds any text.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from corpus_tools import audit as audits
from corpus_tools.classifier import load_classifier
from corpus_tools.classifier.annotations import text_sha256, true_labels
from corpus_tools.config import AuditConfig, load_config
from corpus_tools.estimate import Questions, allocate, estimate_audit
from corpus_tools.labels import draw_round
from corpus_tools.pack import Pack, load_pack
from corpus_tools.scan import Rules, choose
from corpus_tools.shards import plan_shards
from pipelines.demo import LABELS, ROUND, known_prevalence, truth_answers

HERE = Path(__file__).parent
SCORES = HERE / "scores.npz"
RESULT = HERE / "coverage.json"


def everything(config: AuditConfig) -> AuditConfig:
    """The same audit with every document opened and every passage drawn."""
    screen = config.screen.model_copy(update={"hit": 1.0, "near": 1.0, "sampled": 1.0})
    return config.model_copy(update={"gate": config.gate.model_copy(update={"audit_fraction": 1.0}), "screen": screen})


def chosen(config: AuditConfig, pack: Pack) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Passages of opened documents (with their texts, probabilities and source keys) and tallies of an audit with this seed."""
    rules = Rules.of(config, pack)
    passages, counts = [], []
    kinds = {**pack.kinds, **config.kinds}
    for shard in plan_shards(config.corpus, seed=config.seed).shards:
        for part in choose(shard, audits.entry_of(config, shard.dataset), rules):
            documents = part.documents.select(
                "document_id", "open_probability", "unscored", "dataset", "domain", document_content="content"
            )
            of_passages = part.passages.drop("unscored", strict=False)
            passages.append(of_passages.join(documents, on="document_id", how="left", maintain_order="left"))
            counts.append(part.tally.drop("sources", "language", "year", strict=False))
    kind = pl.col("domain").replace_strict(kinds, default="", return_dtype=pl.String)
    return pl.concat(passages).with_columns(kind=kind), pl.concat(counts).with_columns(kind=kind)


def score(config: AuditConfig, pack: Pack) -> None:
    """Every passage of the sample -> SCORES: content and score of the headline label, with the classifier's id."""
    passages, _ = chosen(everything(config), pack)
    unique = passages.filter("drawn").unique("content", keep="first", maintain_order=True).sort("content")
    classifier = load_classifier(pack, config.classifier)
    scores = classifier.score(unique["text"].to_list())[pack.headline].round(4)
    contents = np.frombuffer(bytes.fromhex("".join(unique["content"])), np.uint8).reshape(-1, 16)
    np.savez_compressed(
        SCORES,
        content=contents,
        score=scores.to_numpy().astype(np.float32),
        classifier_id=np.array(classifier.classifier_id),
    )


def cached() -> tuple[pl.DataFrame, str]:
    """SCORES -> content, score; and the classifier's id."""
    with np.load(SCORES, allow_pickle=False) as kept:
        contents = [row.tobytes().hex() for row in kept["content"]]
        return pl.DataFrame({"content": contents, "score": kept["score"]}), str(kept["classifier_id"])


def reseeded(config: AuditConfig, pack: Pack, audits_wanted: int, first: int = 0) -> Iterator[dict[str, Any]]:
    """Rows of `prevalence` of each audit, without labels and with a round of about LABELS, for the corpus and each kind."""
    answers = {k: pack.headline in true_labels(a, pack) for k, a in truth_answers().items()}
    scores, _ = cached()
    questions = Questions(
        labels=(pack.headline,), headline=pack.headline, trained_at={pack.headline: base_rate(config, pack)}
    )
    for seed in range(first, first + audits_wanted):
        passages, counts = chosen(config.model_copy(update={"seed": seed}), pack)
        passages = passages.join(scores, on="content", how="left", maintain_order="left")
        passages = passages.with_columns(pl.when("drawn").then("score").alias(pack.headline)).drop("score")
        candidates = passages.filter(pl.col(pack.headline).is_not_null())
        drawn = draw_round(allocate(candidates, LABELS, score=pack.headline).probabilities(), ROUND, seed)
        texts = candidates.unique("content", keep="first").select("content", "text")
        told = drawn.join(texts, on="content", how="left", maintain_order="left")
        labels = told.select(
            "content", "probability", label=pl.lit(pack.headline), round=pl.lit(ROUND), role=pl.lit("estimate"),
            annotator=pl.lit("truth"), value=pl.Series([float(answers[text_sha256(t)]) for t in told["text"]], dtype=pl.Float64),
        )  # fmt: skip
        for n, some in ((0, labels.head(0)), (labels.height, labels)):
            found = estimate_audit(
                passages.drop("text", "terms", strict=False),
                counts,
                some,
                questions,
                audit_id="",
                dimensions=("corpus", "kind"),
            ).prevalence.filter(unit="passages", basis="exposure")
            for row in found.iter_rows(named=True):
                yield {"seed": seed, "labels": n, **row}


def base_rate(config: AuditConfig, pack: Pack) -> float:
    """Prevalence at which the bundled classifier's headline scores are calibrated."""
    return float(load_classifier(pack, config.classifier).card["base_rates"][pack.headline])


def summary(rows: list[dict[str, Any]], truth: Mapping[tuple[str, str], float]) -> dict[str, Any]:
    """Rows of many audits -> how many had an interval, how many of those hold the truth, and how wide they are."""
    frame = pl.DataFrame(rows, infer_schema_length=None)
    out: list[dict[str, Any]] = []
    for (dimension, source), part in sorted(frame.filter(pl.col("labels") > 0).group_by("dimension", "source")):
        true = truth[str(dimension), str(source)]
        known = part.filter(pl.col("ci_high").is_not_null())
        held = known.filter((pl.col("ci_low") <= true) & (true <= pl.col("ci_high"))).height
        wide = ((known["ci_high"] - known["ci_low"]) / 2).mean()
        out.append(
            {"dimension": dimension, "source": source, "truth": true, "audits": part.height, "with_interval": known.height,
             "hold_the_truth": held, "half_width": wide}
        )  # fmt: skip
    before = frame.filter(labels=0, dimension="corpus")
    return {
        "audits": frame["seed"].n_unique(),
        "labels": round(float(np.mean(frame.filter(pl.col("labels") > 0).unique("seed")["labels"].to_numpy())), 1),
        "without_labels": {
            "with_interval": before["ci_high"].count(),
            "statuses": sorted(before["status"].unique().to_list()),
            "median_over_truth": float(np.median(before["prevalence"].to_numpy()) / truth["corpus", "all"]),
        },
        "rows": out,
    }


def main() -> None:
    """Writes the cache and the result."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--audits", type=int, default=200)
    p.add_argument("--keep-scores", action="store_true", help="take scores.npz as it is")
    o = p.parse_args()
    config = load_config(HERE / "demo.yaml")
    pack = load_pack(config.pack)
    if not o.keep_scores:
        score(config, pack)
    _, classifier_id = cached()
    found = summary(list(reseeded(config, pack, o.audits)), known_prevalence(config, truth_answers()))
    made = {
        "script": "data/sample/coverage.py", "date": f"{datetime.datetime.now(tz=datetime.UTC):%Y-%m-%d}",
        "where": f"{platform.machine()}, {os.cpu_count()} cores, polars {pl.__version__}", "classifier_id": classifier_id,
    }  # fmt: skip
    RESULT.write_text(json.dumps(made | found, indent=1) + "\n")
    one = next(r for r in found["rows"] if r["dimension"] == "corpus")
    print(f"{one['hold_the_truth']} of {one['with_interval']} intervals of the corpus hold the truth")


if __name__ == "__main__":
    main()
