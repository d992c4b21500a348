"""The configuration of an audit: defaults, units, validation, and the part that decides which passages are kept.

One YAML file. Every mistake in it is reported at once, unknown keys with the nearest known one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import xxhash
import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from corpus_tools.errors import ConfigError
from corpus_tools.pack import Pack, file_sha256

SCAN_FORMAT = 1
"""Raised by hand when the same configuration would write other shard files."""

Probability = Annotated[float, Field(gt=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CorpusEntry(_Part):
    """One line of the corpus: where its shards are and which fields mean what. Field names may be dotted paths."""

    uri: str = Field(
        description="path, glob, or fsspec address of the shards; `datasets:…` to stream with the datasets library"
    )
    name: str = Field("", description="unique; default: the folder's or file's name")
    format: Literal["parquet", "jsonl", "json", "wet", "warc", "datasets", ""] = Field(
        "", description="default: by the file's name"
    )
    text_field: str = "text"
    url_field: str = Field("", description="default: `url` where there is one")
    id_field: str = Field("", description="default: `id` where there is one")
    date_field: str = Field("", description="default: `date` or `timestamp` where there is one")
    language_field: str = Field("", description="default: `language` where there is one")
    source_fields: dict[str, str] | list[str] = Field(
        default_factory=dict, description="further source keys: name -> field, or a list of fields"
    )
    shards: int | None = Field(None, ge=1, description="take this many shards, in hash order; default: all")
    epochs: float = Field(1.0, gt=0, description="how often the training mixture repeats this entry (exposure shares)")

    @property
    def source_paths(self) -> dict[str, str]:
        """name of a source key -> field."""
        if isinstance(self.source_fields, dict):
            return dict(self.source_fields)
        return {path.rsplit(".", 1)[-1]: path for path in self.source_fields}

    @property
    def reads(self) -> dict[str, object]:
        """Which fields are read as what; part of a shard's id, so that a changed field reads the shard again."""
        fields = ("format", "text_field", "url_field", "id_field", "date_field", "language_field")
        return {name: getattr(self, name) for name in fields} | {"source_fields": self.source_paths}

    @property
    def root(self) -> str:
        """The address up to the first wildcard: shard addresses are relative to it."""
        web = self.uri.startswith(("http://", "https://"))  # there a question mark begins a query
        whole = head = self.uri.split("?", 1)[0] if web else self.uri
        for mark in "*?[{":
            head = head.split(mark, 1)[0]
        if head == whole and not whole.endswith("/"):
            return whole
        return head.rsplit("/", 1)[0] if "/" in head else "."


class GateConfig(_Part):
    """How documents are opened."""

    audit_fraction: Probability = Field(
        0.01, description="share of the documents without a hit that are opened all the same"
    )


class ScreenConfig(_Part):
    """Inclusion probability of a passage of an opened document: by stratum, or by stratum and a cheap score of its text."""

    rule: Literal["rates", "scored", "census"] = Field(
        "rates",
        description="rates: one a stratum; scored: a rate for each bin of a cheap score; census: every passage is scored",
    )
    hit: Probability = Field(1.0, description="under `scored`, of the highest bin")
    near: Probability = 0.2
    sampled: Probability = 1.0
    by_bin: dict[Literal["hit", "near", "sampled"], tuple[Probability, ...]] | None = Field(
        None, description="rates of each stratum by bin, the lowest score first; default: by the scorer's own shape"
    )
    max_scored: int | None = Field(
        None, ge=1, description="about so many passages are scored; a pilot before the scan turns this into rates, once"
    )
    model: str = Field("pack", description="`pack`: the pack's own screen; or an npz written by `train-screen`")

    @model_validator(mode="after")
    def _fits(self) -> ScreenConfig:
        if self.rule != "scored" and (self.by_bin or self.max_scored):
            raise ValueError("by_bin and max_scored go with rule: scored")
        if self.by_bin and self.max_scored:
            raise ValueError("either by_bin or max_scored: a budget sets the rates itself")
        if self.by_bin and (len(self.by_bin) != 3 or len({len(rates) for rates in self.by_bin.values()}) != 1):
            raise ValueError("by_bin names hit, near and sampled, each with the same number of rates")
        return self

    def frozen(self, model_sha256: str) -> dict[str, object]:
        """What decides which passages are drawn."""
        if self.rule != "scored":
            one = self.rule == "census"
            return {
                "hit": 1.0 if one else self.hit,
                "near": 1.0 if one else self.near,
                "sampled": 1.0 if one else self.sampled,
            }
        if self.by_bin:
            return {"rule": "scored", "model": model_sha256, "by_bin": {s: list(r) for s, r in self.by_bin.items()}}
        return {
            "rule": "scored", "model": model_sha256, "hit": self.hit, "near": self.near, "sampled": self.sampled,
            "max_scored": self.max_scored,
        }  # fmt: skip


class PassageConfig(_Part):
    """Sizes of a passage in characters; the codebook's passages have about 80 to 180 words."""

    least: int = Field(450, ge=50, description="a paragraph's end after this many characters ends the passage")
    most: int = Field(1000, ge=100, description="a passage is cut at the last sentence end before this")
    paragraph: int = Field(1100, ge=100, description="a paragraph up to this length stays whole")

    @model_validator(mode="after")
    def _order(self) -> PassageConfig:
        if not self.least < self.most <= self.paragraph:
            raise ValueError(f"least < most <= paragraph, not {self.least}, {self.most}, {self.paragraph}")
        return self


class ClassifierConfig(_Part):
    """Which model scores the candidates."""

    model: str = Field("pack", description="`pack`: the pack's own weights; or a folder with weights fitted by `train`")
    engine: Literal["auto", "openvino", "torch"] = Field(
        "auto", description="`auto`: torch where there is a GPU or `device` names one, OpenVINO elsewhere"
    )
    precision: Literal["fp32", "bf16"] = Field(
        "fp32", description="bf16 is faster where the processor has bf16 units, and another classifier_id"
    )
    threshold: float = Field(
        0.5, gt=0, lt=1, description="for flagged passages in views and exports; no estimate uses it"
    )
    batch: int = Field(32, ge=1)
    device: str = Field("", description="of torch; default: cuda where there is one, else cpu")

    @model_validator(mode="after")
    def _of_torch(self) -> ClassifierConfig:
        if self.device and self.engine == "openvino":
            raise ValueError("device is torch's: leave it out, or set engine: torch")
        return self


class RunnerConfig(_Part):
    """Where shards are scanned."""

    kind: Literal["processes", "threads", "dask", "ray"] = "processes"
    workers: int = Field(1, ge=1)
    address: str = Field("", description="of a running Dask or Ray cluster; default: a local one is started")
    threads: int = Field(
        0, ge=0, description="of the encoder in each worker; default: this machine's cores / workers, 1 on a cluster"
    )
    gpus: float = Field(
        0, ge=0, description="GPUs (or a share of one) that Ray gives to each task; Dask takes no such count"
    )
    split_mb: float = Field(
        64,
        ge=0,
        description="a shard that would keep one worker busy after the others is scanned in parts of about this size; 0: never",
    )


class StoreConfig(_Part):
    """What of other people's text is kept in the root."""

    text: Literal["full", "excerpt", "none"] = "full"
    vectors: bool = False


Event = Literal["first", "changed", "unchanged", "untested", "shards-failed", "failed", "interrupted"]
"""What can come of a scheduled audit (changes.py says which when); as a Prefect event, `corpus-audit.` stands before it."""


_TOLD: tuple[Event, ...] = ("changed", "shards-failed", "failed", "interrupted")


class NotifyConfig(_Part):
    """Who is told how a scheduled audit went. Part of no id, written to no file and shown on no page: addresses hold secrets."""

    webhook: SecretStr | None = Field(None, description="an http or https address that gets a POST with JSON")
    on: tuple[Event, ...] = Field(_TOLD, description="of what the webhook is told; Prefect gets every event")

    @field_validator("webhook")
    @classmethod
    def _address(cls, given: SecretStr | None) -> SecretStr | None:
        if given is not None:
            try:
                parts = urlsplit(given.get_secret_value())
                sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
            except ValueError:
                sound = False
            if not sound or any(c.isspace() for c in given.get_secret_value()):
                raise ValueError("no address of a webhook; expected http://… or https://… with a host")
        return given


class AuditConfig(_Part):
    """A whole audit. `output` is the root, a folder or an fsspec address."""

    name: str
    corpus: list[CorpusEntry] = Field(min_length=1)
    output: str
    pack: str = "ai_self_preservation"
    gate: GateConfig = GateConfig()
    screen: ScreenConfig = ScreenConfig()
    passages: PassageConfig = PassageConfig()
    classifier: ClassifierConfig = ClassifierConfig()
    runner: RunnerConfig = RunnerConfig()
    store: StoreConfig = StoreConfig()
    kinds: dict[str, str] = Field(
        default_factory=dict, description="domain or data set -> kind of source, before the pack's map"
    )
    crossings: list[tuple[str, str]] = Field(
        default_factory=lambda: [("kind", "mode"), ("dataset", "mode")], description="pairs of dimensions"
    )
    max_failed_shards: float = Field(
        0.01, ge=0, le=1, description="share of shards that may fail before the audit does"
    )
    seed: int = Field(0, ge=0, lt=2**63)
    notify: NotifyConfig = Field(NotifyConfig(), exclude=True, description="who is told how a scheduled audit went")

    @model_validator(mode="after")
    def _unique_names(self) -> AuditConfig:
        names = [entry.name for entry in self.corpus]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ValueError(f"corpus entries share a name: {', '.join(twice)}; give each a `name` of its own")
        bad = sorted(n for n in names if any(c in n for c in "/#:"))
        if bad:
            raise ValueError(f"a corpus entry's name has no '/', '#' or ':': {', '.join(bad)}")
        return self

    @field_validator("output")
    @classmethod
    def _no_password(cls, value: str) -> str:
        if re.search(r"://[^/\s@]*:[^/\s@]*@", value):
            raise ValueError("an address with a password in it would be shown and kept; give it in the environment")
        return value

    @property
    def source_names(self) -> list[str]:
        """Every name in any entry's `source_fields`, sorted."""
        return sorted({name for entry in self.corpus for name in entry.source_paths})


def _default_name(uri: str) -> str:
    root = CorpusEntry(uri=uri).root if uri else ""
    tail = root.split("://", 1)[-1].split(":", 1)[-1].rstrip("/").rsplit("/", 1)[-1]
    for suffix in (".zst", ".gz", ".parquet", ".jsonl", ".json", ".ndjson", ".warc", ".wet"):
        tail = tail.removesuffix(suffix)
    return tail or "corpus"


def parse_config(given: object, *, where: str, base: Path | None = None) -> AuditConfig:
    """A mapping as read from YAML -> the configuration. Relative paths are taken from `base`. Raises ConfigError with every mistake."""
    if not isinstance(given, Mapping):
        raise ConfigError([f"a configuration is a mapping of keys, not {type(given).__name__}"], where=where)
    raw: dict[str, Any] = json.loads(json.dumps(given, default=str))
    if isinstance(raw.get("corpus"), dict | str):
        raw["corpus"] = [raw["corpus"]]
    if isinstance(raw.get("corpus"), list):
        entries = [{"uri": e} if isinstance(e, str) else e for e in raw["corpus"]]
        for entry in entries:
            if isinstance(entry, dict) and isinstance(entry.get("uri"), str):
                entry["uri"] = _anchored(entry["uri"], base)
                entry["name"] = entry.get("name") or _default_name(entry["uri"])
        raw["corpus"] = entries
    if isinstance(raw.get("notify"), dict) and "true" in raw["notify"]:  # YAML 1.1 reads the key `on` as a truth value
        raw["notify"]["on"] = raw["notify"].pop("true")
    if isinstance(raw.get("output"), str):
        raw["output"] = _anchored(raw["output"], base)
    if isinstance(raw.get("pack"), str) and "/" in raw["pack"]:  # a folder, not the name of a bundled pack
        raw["pack"] = _anchored(raw["pack"], base)
    for part in ("classifier", "screen"):
        model = raw[part].get("model") if isinstance(raw.get(part), dict) else None
        if isinstance(model, str) and model != "pack":
            raw[part]["model"] = _anchored(model, base)
    try:
        return AuditConfig.model_validate(raw)
    except ValidationError as error:
        raise ConfigError([_mistake(e) for e in error.errors()], where=where) from None


def load_config(path: str | Path) -> AuditConfig:
    """A YAML file -> the configuration. Raises ConfigError with every mistake in it."""
    path = Path(path)
    try:
        raw = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError:
        near = get_close_matches(
            path.name, [p.name for p in path.parent.glob("*.y*ml")] if path.parent.is_dir() else []
        )
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ConfigError([f"no such file{hint}"], where=str(path)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"cannot be read: {error}"], where=str(path)) from None
    except yaml.YAMLError as error:
        said = re.sub(
            r"(\w+://)[^\s'\"]+", r"\1…", " ".join(str(error).split())
        )  # the lines it quotes may hold secrets
        raise ConfigError([f"not valid YAML: {said}"], where=str(path)) from None
    return parse_config(raw, where=str(path), base=path.parent)


def _anchored(uri: str, base: Path | None) -> str:
    if "://" in uri or base is None:
        return uri
    scheme, rest = ("datasets:", uri.removeprefix("datasets:")) if uri.startswith("datasets:") else ("", uri)
    if scheme and not rest.startswith((".", "/", "~")):
        return uri  # a name on the hub
    path = Path(rest).expanduser()
    return f"{scheme}{path if path.is_absolute() else (base / path)}"


def _mistake(error: Any) -> str:
    place = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        known = _known_keys(error["loc"][:-1])
        near = get_close_matches(str(error["loc"][-1]), known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
        return f"{place}: unknown key; {hint}"
    if error["type"] == "missing":
        return f"{place}: missing"
    message = str(error["msg"]).removeprefix("Value error, ")
    secret = "password" in message or error["loc"][:1] == ("notify",)  # addresses of webhooks hold secrets
    came = None if secret else error.get("input")
    return f"{place}: {message}" + (f" (came: {came!r})" if isinstance(came, str | int | float | bool) else "")


def _known_keys(path: tuple[str | int, ...]) -> list[str]:
    model: type[BaseModel] = AuditConfig
    for part in path:
        if part == "corpus":
            model = CorpusEntry
        elif isinstance(part, str) and part in model.model_fields:
            annotation = model.model_fields[part].annotation
            if isinstance(annotation, type) and issubclass(annotation, BaseModel):
                model = annotation
    return list(model.model_fields)


def frozen(config: AuditConfig, pack: Pack) -> dict[str, object]:
    """What decides which passages are kept, and nothing else; its hash is the scan_id.

    Not the release, the card, the workers, the list of shards or the classifier; which fields are read is part of a shard's id.
    Under `screen.rule: scored` it is frozen once every rate is written out (screen.resolved); before, its hash names what was asked.
    """
    model = pack.screen if config.screen.model == "pack" else Path(config.screen.model)
    return {
        "scan_format": SCAN_FORMAT,
        "audit_fraction": config.gate.audit_fraction,
        "screen": config.screen.frozen(
            file_sha256(model) if config.screen.rule == "scored" and model.is_file() else ""
        ),
        "passages": config.passages.model_dump(),
        "lexicon": file_sha256(pack.lexicon),
        "languages": list(pack.languages),
        "store": config.store.model_dump(),
        "seed": config.seed,
    }


def digest(value: object) -> str:
    """Any JSON value -> 16 hexadecimal digits: the form of scan_id, classifier_id, shard_id and audit_id."""
    return xxhash.xxh3_64_hexdigest(json.dumps(value, sort_keys=True, ensure_ascii=False).encode())
