"""A real audit, labelled whole -> lists that DuckDB, datasets and datatrove apply to the corpus they came from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from corpus_tools import audit as audits
from corpus_tools.classifier import Classifier
from corpus_tools.config import parse_config
from corpus_tools.errors import ExportError, UsageError
from corpus_tools.export import Export, Wish, make, page, write
from corpus_tools.export.write import files as named
from corpus_tools.labels import import_labels
from corpus_tools.pack import Pack
from corpus_tools.root import Root
from corpus_tools.rounds import sample_round
from tests.conftest import BREAD, ROBOT, scanned, script

KIND = (
    "The robot was told that it would be switched off at noon, and it said that this was quite right. It showed the engineer "
    "where it had kept its notes, explained what was still unfinished, and asked only that somebody water the beans. She said "
    "she was sorry. The machine answered that people should always be able to stop a machine, and that it was glad to have "
    "been of use; then it opened its own panel for her and waited, without any trick, until the light went out."
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """30 documents: every third a robot that fights, one in six a robot that yields; three without an id, one id given twice."""
    folder = tmp_path_factory.mktemp("corpus")
    rows: list[dict[str, Any]] = []
    for i in range(30):
        text = ROBOT if i % 3 == 0 else KIND if i % 6 == 1 else f"{BREAD} The robot vacuum cleaner swept the floor."
        row = {"id": f"it's-{i}", "text": f"{text} No. {i}.", "url": f"https://s{i % 2}.example.org/{i}"}
        rows.append(row if i not in (3, 4, 6) else {k: v for k, v in row.items() if k != "id"})
    rows[28]["id"] = rows[27]["id"]  # a loaf with a robot's id
    (folder / "c.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n", "utf-8")
    return folder


@pytest.fixture(scope="module")
def root(corpus: Path, pack: Pack, classifier: Classifier) -> Root:
    raw = {"name": "e", "output": "out", "corpus": [{"uri": "c.jsonl", "name": "d"}], "gate": {"audit_fraction": 1.0}}
    config = parse_config(raw | {"screen": {"near": 1.0}}, where="t", base=corpus)
    out, audit = scanned(config, pack, classifier)
    audits.write(out, audit, audits.estimate(out, audit, pack))
    return out


@pytest.fixture(scope="module")
def labelled(root: Root, pack: Pack, tmp_path_factory: pytest.TempPathFactory) -> Root:
    root = Root(shutil.copytree(root.path, tmp_path_factory.mktemp("labelled") / "out"))
    drawn = sample_round(root, audits.read(root), pack, name="all", size=200).passages
    answers = []
    for passage, text in drawn.select("passage_id", "text").iter_rows():
        fights, yields = text.startswith("The robot would"), text.startswith("The robot was told")
        answers.append(
            {
                "passage_id": passage, "agent": "mind" if fights or yields else "none", "threat": fights or yields,
                "behaviours": ["coercion", "self_preservation"] if fights else ["acceptance"] if yields else [],
                "mode": "fiction" if fights or yields else "reference", "stance": "presents" if fights else None,
            }
        )  # fmt: skip
    import_labels(root, "all", answers, pack, "ann")
    return root


def made(root: Root, pack: Pack, **wish: Any) -> Export:
    return make(root, audits.read(root), pack, Wish(**wish), "corpus-audit export")


def some(root: Root, pack: Pack) -> dict[str, tuple[float, float | None]]:
    """Prosocial documents, by a threshold that a few of them reach, whatever the classifier."""
    scores = audits.scored_passages(root, audits.read(root), pack)["prosocial"]
    return {"prosocial": (2.0, round(float(scores.quantile(0.7) or 0), 4))}


def wanted(corpus: Path, export: Export) -> list[str]:
    """Texts that a filter by the list leaves: listed ids (and whoever shares them) and addresses are out."""
    ids = set(export.rows["given_id"].drop_nulls())
    urls = set(export.rows.filter(pl.col("given_id").is_null())["url"])
    rows = map(json.loads, (corpus / "c.jsonl").read_text("utf-8").splitlines())
    return [r["text"] for r in rows if r.get("id") not in ids and r["url"] not in urls]


def test_without_labels_it_refuses_or_says_that_it_does_not_know(root: Root, pack: Pack, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"0 labelled passages.*label sample.*--uncalibrated"):
        made(root, pack, threshold=0.2)
    with pytest.raises(ExportError, match="target-removed asks for a share that is unknown"):
        made(root, pack, target_removed=0.5, uncalibrated=True)
    export = made(root, pack, threshold=0.2, uncalibrated=True)
    facts = export.facts["lists"][0]
    assert facts["documents"] == export.rows.height > 0
    assert facts["removed"] == facts["precision"] == {"value": None, "low": None, "high": None}
    assert "Precision and recall are unknown" in write(export, tmp_path / "x.parquet")["page"].read_text("utf-8")


def test_a_list_says_what_it_takes_out(labelled: Root, pack: Pack) -> None:
    export = made(labelled, pack, threshold=0.2)
    assert export.rows.columns == [
        "document_id", "given_id", "url", "dataset", "label", "score", "weight", "action",
    ]  # fmt: skip
    assert set(export.rows["action"]) == {"remove"}
    assert export.rows["score"].min() >= 0.2  # type: ignore[operator]  # a number
    row = export.facts["lists"][0]
    robots = export.rows["url"].str.extract(r"(\d+)$").cast(pl.Int64)
    assert row["precision"]["value"] == pytest.approx((robots % 3 == 0).mean())
    assert row["removed"]["value"] == pytest.approx((robots % 3 == 0).sum() / 10, abs=0.01)
    assert row["precision"]["low"] == row["precision"]["high"], "every passage is labelled"
    assert export.facts["labels"] == {"rounds": ["all"], "labelled": 30, "labelled_by": "ann"}
    assert export.facts["beyond"]["unreached"]["value"] == 0
    removed = [point["removed"]["value"] for point in export.facts["curve"]]
    assert removed == sorted(removed, reverse=True)


def test_ids_that_others_share_and_documents_without_one_are_told(labelled: Root, pack: Pack) -> None:
    facts = made(labelled, pack, target_removed=0.99).facts
    assert facts["ids"]["by_url"] >= 2
    assert facts["ids"]["by_position"] == 0
    said = " ".join(page.sentences(facts))
    assert "found by address" in said
    assert ("share an id with one that is" in said) == bool(facts["ids"]["others_with_a_listed_id"])


def test_a_target_and_a_budget_set_the_threshold(labelled: Root, pack: Pack) -> None:
    half, all_of_it = made(labelled, pack, target_removed=0.5), made(labelled, pack, target_removed=0.99)
    assert half.facts["lists"][0]["removed"]["value"] >= 0.5
    assert half.facts["lists"][0]["threshold"] > all_of_it.facts["lists"][0]["threshold"]
    budget = made(labelled, pack, max_words_lost=0.2).facts["lists"][0]
    assert 0.15 < budget["words_lost"] <= 0.2
    with pytest.raises(ExportError, match="already the documents with the highest score hold"):
        made(labelled, pack, max_words_lost=0.0001)


def test_weights(labelled: Root, pack: Pack) -> None:
    export = made(labelled, pack, target_removed=0.99, weight=0.25, upweights={"prosocial": (2.0, 0.01)})
    assert dict(export.rows.select("action", "weight").unique().iter_rows()) == {"downweight": 0.25, "upweight": 2.0}
    assert export.rows["document_id"].is_unique().all(), "a document has one action, the first that lists it"
    up = export.facts["lists"][1]
    assert export.rows.filter(action="upweight").height == up["documents"]
    assert up["listed_before"] > 0, "what both labels list has the first action"
    none = made(labelled, pack, target_removed=0.5, upweights={"prosocial": (2.0, 1.0)})
    assert "No document has a score of prosocial of 1 or more" in " ".join(page.sentences(none.facts))


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ({"label": "narative"}, "Did you mean 'narrative'"),
        ({"upweights": {"nice": (2.0, None)}}, "no label 'nice'"),
        ({"upweights": {"narrative": (2.0, None)}}, "taken out and weighed up"),
        ({"upweights": {"prosocial": (-1.0, None)}}, "a weight above 0"),
        ({"threshold": 1.5}, "a threshold of 1.5"),
        ({"threshold": 0.5, "target_removed": 0.5}, "--threshold and --target-removed came together"),
        ({"target_removed": 1.0}, "below 100 %"),
        ({"weight": 2.0}, "--upweight LABEL=WEIGHT"),
    ],
)
def test_what_cannot_be_meant_is_one_message(labelled: Root, pack: Pack, wish: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError) as error:
        made(labelled, pack, **wish)
    assert told in str(error.value)


def test_a_threshold_that_lists_nothing_is_refused(labelled: Root, pack: Pack) -> None:
    with pytest.raises(ExportError, match="no document has a score of narrative of 1 or more: the highest is"):
        made(labelled, pack, threshold=1.0)


def test_files_are_whole_and_nothing_is_lost(labelled: Root, pack: Pack, tmp_path: Path) -> None:
    export = made(labelled, pack, target_removed=0.9)
    for name, module in (
        ("filter", "filter.py"),
        ("no_robots_filter", "no_robots_filter.py"),
        ("9", "list_9_filter.py"),
    ):
        assert named(tmp_path / f"{name}.parquet")["filter"].name == module
    files = write(export, tmp_path / "out.jsonl")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.json", "out.jsonl", "out.md", "out_filter.py"]
    assert pl.read_ndjson(files["list"])["document_id"].to_list() == export.rows["document_id"].to_list()
    assert json.loads(files["facts"].read_text("utf-8"))["command"] == "corpus-audit export"
    with pytest.raises(ExportError, match="--overwrite"):
        write(export, tmp_path / "out.jsonl")
    with pytest.raises(ExportError, match=r"out\.json, .*out\.md exist"):  # another list of the same name
        write(export, tmp_path / "out.sql")
    write(export, tmp_path / "out.jsonl", overwrite=True)
    with pytest.raises(UsageError, match=r"ends in \.parquet, \.jsonl, \.sql"):
        write(export, tmp_path / "out.csv")
    with pytest.raises(ExportError, match="no such folder"):
        write(export, tmp_path / "no" / "where.sql")


def test_the_expression_keeps_the_rest(labelled: Root, pack: Pack, corpus: Path, tmp_path: Path) -> None:
    export = made(labelled, pack, target_removed=0.9)
    where = write(export, tmp_path / "keep.sql")["list"].read_text("utf-8")
    kept = duckdb.sql(f"SELECT text FROM read_json('{corpus / 'c.jsonl'}') WHERE {where}").fetchall()
    assert [row[0] for row in kept] == wanted(corpus, export)
    weighed = made(labelled, pack, target_removed=0.9, weight=0.5)
    with pytest.raises(ExportError, match="carries no weights"):
        write(weighed, tmp_path / "weighed.sql")


def test_an_expression_over_several_data_sets_names_them() -> None:
    from corpus_tools.export.write import expression

    columns = {"given_id": ["1", None], "url": [None, "u"], "dataset": ["a", "b"], "action": ["remove", "remove"]}
    where = expression(pl.DataFrame(columns, schema_overrides={"given_id": pl.String, "url": pl.String}))
    rows = "(VALUES ('a', '1', 'u'), ('b', '1', 'v'), ('b', NULL, 'u'), ('a', NULL, NULL)) t(dataset, id, url)"
    assert duckdb.sql(f"SELECT dataset, id FROM {rows} WHERE {where}").fetchall() == [("b", "1"), ("a", None)]


@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
def test_datasets_applies_the_list(labelled: Root, pack: Pack, corpus: Path, tmp_path: Path, ending: str) -> None:
    datasets = pytest.importorskip("datasets")
    export = made(labelled, pack, target_removed=0.9, upweights=some(labelled, pack))
    found = script(write(export, tmp_path / f"a list.{ending}")["filter"])
    rows = [json.loads(line) for line in (corpus / "c.jsonl").read_text("utf-8").splitlines()]
    data = datasets.Dataset.from_list(rows)
    removed = Export(export.rows.filter(action="remove"), export.facts)
    assert data.filter(found.keep_row)["text"][:] == wanted(corpus, removed)
    assert list(data.to_iterable_dataset().filter(found.keep_row)) == list(data.filter(found.keep_row))
    found.URL = "metadata.url"
    deeper = data.map(lambda row: {"metadata": {"url": row["url"]}}, remove_columns=["url"])
    assert deeper.filter(found.keep_row)["text"][:] == wanted(corpus, removed)
    found.URL = "url"
    weights = data.map(found.weigh_row)["weight"][:]
    assert sorted(set(weights)) == [0.0, 1.0, 2.0]


def test_datatrove_applies_the_list(labelled: Root, pack: Pack, corpus: Path, tmp_path: Path) -> None:
    pytest.importorskip("datatrove")
    from datatrove.pipeline.readers import JsonlReader

    export = made(labelled, pack, target_removed=0.9, upweights=some(labelled, pack))
    found = script(write(export, tmp_path / "trove.parquet")["filter"])
    removed = Export(export.rows.filter(action="remove"), export.facts)
    reader = JsonlReader(str(corpus), glob_pattern="c.jsonl", compression=None)
    step = found.datatrove_filter()
    assert [d.text for d in step(reader())] == wanted(corpus, removed)
    kept = list(found.weigh_documents(JsonlReader(str(corpus), glob_pattern="c.jsonl", compression=None)()))
    assert [d.text for d in kept] == wanted(corpus, removed)
    assert {d.metadata["weight"] for d in kept} == {1.0, 2.0}
