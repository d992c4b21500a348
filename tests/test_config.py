from __future__ import annotations

from pathlib import Path

import pytest

from corpus_tools.config import AuditConfig, CorpusEntry, digest, frozen, load_config, parse_config
from corpus_tools.errors import ConfigError
from corpus_tools.pack import Pack, load_pack

PLAIN = {"name": "a", "output": "out", "corpus": ["x/*.parquet"]}


def mistakes(raw: object) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_config(raw, where="test.yaml")
    return caught.value.mistakes


def test_all_mistakes_at_once_with_the_nearest_key() -> None:
    found = mistakes(
        {
            "nmae": "a",
            "corpus": [{"uri": "x", "text_feild": "t"}],
            "output": "o",
            "gate": {"audit_fraction": 2},
            "seed": -1,
        }
    )
    assert found == [
        "name: missing",
        "corpus.0.text_feild: unknown key; did you mean 'text_field'?",
        "gate.audit_fraction: Input should be less than or equal to 1 (came: 2)",
        "seed: Input should be greater than or equal to 0 (came: -1)",
        "nmae: unknown key; did you mean 'name'?",
    ]


@pytest.mark.parametrize(
    ("raw", "part"),
    [
        ([], "a configuration is a mapping"),
        (PLAIN | {"corpus": []}, "corpus"),
        (PLAIN | {"corpus": ["a/x.jsonl", "b/x.jsonl"]}, "share a name: x"),
        (PLAIN | {"corpus": [{"uri": "a", "name": "a/b"}]}, "no '/'"),
        (PLAIN | {"passages": {"least": 2000}}, "least < most <= paragraph"),
        (PLAIN | {"runner": {"kind": "slurm"}}, "runner.kind"),
        (PLAIN | {"screen": {"max_scored": 10}}, "rule: scored"),
        (PLAIN | {"screen": {"target_width": 0.1}}, "rule: scored"),
        (PLAIN | {"screen": {"rule": "scored", "target_width": 0.1, "max_scored": 10}}, "one of by_bin"),
        (PLAIN | {"screen": {"rule": "scored", "by_bin": {"hit": [0.5], "near": [0.5]}}}, "hit, near and sampled"),
        (
            PLAIN | {"screen": {"rule": "scored", "by_bin": {s: [0, 1] for s in ("hit", "near", "sampled")}}},
            "greater than 0",
        ),
    ],
)
def test_mistakes_say_what(raw: object, part: str) -> None:
    assert any(part in line for line in mistakes(raw))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "audit.yaml").write_text("name: [")
    with pytest.raises(ConfigError, match=r"did you mean audit\.yaml"):
        load_config(tmp_path / "audti.yaml")
    with pytest.raises(ConfigError, match="not valid YAML"):
        load_config(tmp_path / "audit.yaml")


def test_relative_paths_are_taken_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(
        "{name: a, output: out, pack: ./mine, classifier: {model: fitted}, "
        "corpus: [{uri: data/*.jsonl}, {uri: 's3://b/c/*.parquet'}, {uri: 'datasets:owner/name'}]}"
    )
    config = load_config(path)
    assert [e.uri for e in config.corpus] == [f"{tmp_path}/data/*.jsonl", "s3://b/c/*.parquet", "datasets:owner/name"]
    assert [e.name for e in config.corpus] == ["data", "c", "name"]
    assert config.output == f"{tmp_path}/out"
    assert (config.pack, config.classifier.model) == (f"{tmp_path}/mine", f"{tmp_path}/fitted")


@pytest.mark.parametrize(
    ("uri", "root"),
    [("a/b/*.parquet", "a/b"), ("a/b/c.jsonl", "a/b/c.jsonl"), ("s3://x/y/2024-*/z.gz", "s3://x/y"), ("*.jsonl", ".")],
)
def test_an_entry_s_root_is_the_address_up_to_the_first_wildcard(uri: str, root: str) -> None:
    assert CorpusEntry(uri=uri).root == root


def config(**more: object) -> AuditConfig:
    return parse_config(PLAIN | more, where="t")


def test_scan_id_is_made_of_what_decides_which_passages_are_kept() -> None:
    pack = load_pack("ai_self_preservation")
    base = digest(frozen(config(), pack))
    same: list[dict[str, object]] = [
        {"name": "b"}, {"output": "elsewhere"}, {"runner": {"workers": 8}}, {"classifier": {"threshold": 0.9}},
        {"corpus": ["y/*.jsonl", "x/*.parquet"]}, {"kinds": {"a.example": "shop"}}, {"max_failed_shards": 0.5},
    ]  # fmt: skip
    other: list[dict[str, object]] = [
        {"gate": {"audit_fraction": 0.02}}, {"screen": {"near": 0.5}}, {"seed": 1}, {"store": {"text": "none"}},
        {"passages": {"least": 400}}, {"screen": {"rule": "scored"}}, {"screen": {"rule": "scored", "max_scored": 9}},
        {"screen": {"rule": "census"}},
    ]  # fmt: skip
    assert {digest(frozen(config(**m), pack)) for m in same} == {base}
    assert frozen(config(), pack)["screen"] == {"hit": 1.0, "near": 0.2, "sampled": 1.0}, "roots are known by it"
    ones = {"hit": 1, "near": 1, "sampled": 1}
    census = digest(frozen(config(screen={"rule": "census"}), pack))
    assert census == digest(frozen(config(screen=ones), pack)), "the same passages are kept"
    assert len({base, *(digest(frozen(config(**m), pack)) for m in other)}) == 1 + len(other)


SECRET = "s3cr3t-t0ken"


def notify(part: object) -> AuditConfig:
    return parse_config({"name": "n", "output": "o", "corpus": ["a.jsonl"], "notify": part}, where="test")


def test_who_is_told_is_part_of_nothing_that_is_written_or_hashed(pack: Pack) -> None:
    config = notify({"webhook": f"https://u:{SECRET}@hooks.example.org/{SECRET}", "on": ["failed"]})
    assert config.notify.webhook is not None
    assert config.notify.webhook.get_secret_value().endswith(SECRET)
    assert config.notify.on == ("failed",)
    assert SECRET not in config.model_dump_json() + repr(config) + str(config.model_dump(mode="json"))
    assert frozen(config, pack) == frozen(notify({}), pack)
    assert AuditConfig.model_validate(config.model_dump(mode="json")).notify.webhook is None


def test_yaml_reads_the_key_on_as_a_truth_value(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("{name: n, output: o, corpus: [a.jsonl], notify: {on: [first]}}")
    assert load_config(tmp_path / "a.yaml").notify.on == ("first",)


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ({"webhook": f"hooks.example.org/{SECRET}"}, "notify.webhook: no address of a webhook; expected http"),
        ({"webhook": f"ftp://hooks.example.org/{SECRET}"}, "no address of a webhook"),
        ({"webhook": f"https:///{SECRET}"}, "no address of a webhook"),
        ({"webhook": f"https://host:port/{SECRET}"}, "no address of a webhook"),
        ({"webhook": f"https://host/{SECRET} and more"}, "no address of a webhook"),
        ({"webhok": f"https://host/{SECRET}"}, "did you mean 'webhook'?"),
        (f"https://host/{SECRET}", "notify: "),
        ({"on": ["chnged"]}, "notify.on.0: "),
    ],
)
def test_a_webhook_that_is_no_address_is_refused_without_showing_it(part: object, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        notify(part)
    assert told in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_broken_file_does_not_show_it_either(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(f"name: n\nnotify: {{webhook: https://host/{SECRET}: 'x\n")
    with pytest.raises(ConfigError, match="not valid YAML") as caught:
        load_config(tmp_path / "a.yaml")
    assert SECRET not in str(caught.value)


def test_a_source_field_does_not_hide_a_dimension() -> None:
    raw = {"name": "a", "output": "o", "corpus": [{"uri": "x.jsonl", "source_fields": {"kind": "meta.kind"}}]}
    with pytest.raises(ConfigError) as caught:
        parse_config(raw, where="test")
    assert "kind is a dimension already" in caught.value.mistakes[0]
