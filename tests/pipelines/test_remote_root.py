"""The audit root in an S3 store on loopback: the whole audit, taken up again, labelled, asked; nothing half-written counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from corpus_tools.audit import read
from corpus_tools.config import AuditConfig
from corpus_tools.errors import ConfigError, RootError
from corpus_tools.labels import import_labels, read_round
from corpus_tools.pack import load_pack
from corpus_tools.root import SHARD_TABLES, Root
from corpus_tools.rounds import sample_round
from corpus_tools.warehouse import query
from pipelines.audit import estimate_flow, run_audit
from tests.loopback import S3_SECRET, s3_store
from tests.pipelines.test_audit import records, tables


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with s3_store("audits") as address:
        yield address


@pytest.fixture
def config(make_config: Callable[..., AuditConfig], write_lines: Callable[..., Path]) -> AuditConfig:
    for i in range(3):
        write_lines(f"c/{i}.jsonl", records(i))
    write_lines("c/large.jsonl", [r for i in range(3, 9) for r in records(i)])
    return make_config(
        [{"uri": "c/*.jsonl"}], gate={"audit_fraction": 0.5}, screen={"near": 1.0},
        runner={"kind": "threads", "workers": 2, "threads": 1, "split_mb": 0.01},
    )  # fmt: skip


def test_an_audit_whose_root_is_in_s3_is_the_local_one(s3: str, config: AuditConfig, tmp_path: Path) -> None:
    local = run_audit(config)
    output = f"{s3}/one"
    root = Root(output)
    root.fs.pipe_file("audits/one/shards/" + local.scan_id + "/0123456789abcdef/documents.parquet", b"half")
    remote = run_audit(config.model_copy(update={"output": output}))
    assert (remote.audit_id, remote.scanned, remote.failed) == (local.audit_id, 4, {})
    assert remote.report.startswith("s3://")
    assert "0123456789abcdef" not in root.names("shards", local.scan_id), "what a killed run left is swept"
    assert not [path for path in root.fs.find("audits/one/parts") if path.endswith("manifest.json")], (
        "the parts are joined"
    )
    root.fs.get_file("audits/one/corpus_audit.duckdb", str(tmp_path / "copy.duckdb"))
    mine, theirs = tables(tmp_path / "copy.duckdb"), tables(Path(local.database))
    assert mine.keys() == theirs.keys()
    for name in mine:
        assert mine[name] == theirs[name], name
    assert not [path for path in root.fs.find("audits/one") if S3_SECRET.encode() in root.fs.cat_file(path)]

    first = root.names("shards", local.scan_id)[0]
    root.remove("shards", local.scan_id, first, "manifest.json")
    more = run_audit(config.model_copy(update={"output": output}), shown=False)
    assert (more.scanned, more.reused, more.audit_id) == (1, 3, local.audit_id)

    pack = load_pack("ai_self_preservation")
    sample_round(root, read(root), pack, name="round-1", size=30)
    _, drawn = read_round(root, "round-1")
    answers = [
        {"passage_id": p, "agent": "mind" if i % 2 else "none", "behaviours": [], "mode": "fiction"}
        for i, p in enumerate(drawn["passage_id"])
    ]
    assert import_labels(root, "round-1", answers, pack, "a").answered == len(drawn)
    estimate_flow(output, remote.audit_id)
    assert query(root, "select count(distinct content) from labels").item() == len(drawn)


def test_two_workers_that_write_one_shard_do_no_harm(s3: str) -> None:
    root, table = Root(f"{s3}/three"), pa.table({"a": [1, 2]})
    whole = dict.fromkeys(SHARD_TABLES, table)
    with pytest.raises(RuntimeError), root.shard_writer("scan", "one") as slow:
        slow.add("documents", table.slice(0, 1))
        root.write_shard("scan", "one", whole, {"by": "the fast one"})
        raise RuntimeError
    assert root.done("scan") == {"one"}
    assert root.shard_table("scan", ["one"], "documents")["a"].to_pylist() == [1, 2], "what broke off is not shown"


def test_a_store_that_cannot_be_written_says_so_without_credentials(
    s3: str, make_config: Callable[..., AuditConfig]
) -> None:
    with pytest.raises(RootError, match=r"s3://nosuchbucket/x: cannot be written") as caught:
        Root("s3://nosuchbucket/x").prepare()
    assert S3_SECRET not in str(caught.value)
    with pytest.raises(ConfigError, match="output: an address with a password") as refused:
        make_config(output=f"ftp://me:{S3_SECRET}@127.0.0.1/x")
    assert S3_SECRET not in str(refused.value)
