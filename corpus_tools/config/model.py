"""AuditConfig and its parts: every key with its default, its unit, and what is checked of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

Probability = Annotated[float, Field(gt=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


DIMENSIONS = ("corpus", "dataset", "domain", "year", "language", "mode", "kind")
"""By which every audit is reckoned; source fields are further ones."""


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

    @model_validator(mode="after")
    def _free_names(self) -> CorpusEntry:
        if taken := sorted(set(DIMENSIONS) & set(self.source_paths)):
            raise ValueError(f"source_fields: {', '.join(taken)} is a dimension already: give the field another name")
        return self

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

    rule: Literal["auto", "rates", "scored", "census"] = Field(
        "auto",
        description="rates: one a stratum; scored: a rate for each bin of a cheap score; census: every passage is scored; "
        "auto: rates, and on a large corpus, where these would have more than 500,000 passages scored, scored with "
        "max_scored: 500000. Another rate than the default makes it rates",
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
    target_width: float | None = Field(
        None, gt=0, le=1,
        description="instead of max_scored: as few passages are scored as let the draw of the screen alone add this much, of the figure, "
        "to the half-width of the headline's 95 % interval; by the same pilot",
    )  # fmt: skip
    model: str = Field("pack", description="`pack`: the pack's own screen; or an npz written by `train-screen`")

    @model_validator(mode="after")
    def _fits(self) -> ScreenConfig:
        if self.rule != "scored" and (self.by_bin or self.budget):
            raise ValueError("by_bin, max_scored and target_width go with rule: scored")
        if sum(1 for given in (self.by_bin, self.max_scored, self.target_width) if given) > 1:
            raise ValueError("one of by_bin, max_scored and target_width: a budget sets the rates itself")
        if self.by_bin and (len(self.by_bin) != 3 or len({len(rates) for rates in self.by_bin.values()}) != 1):
            raise ValueError("by_bin names hit, near and sampled, each with the same number of rates")
        return self

    @property
    def budget(self) -> dict[str, float]:
        """What a pilot turns into rates, by name; empty where the configuration has rates."""
        given = {"max_scored": self.max_scored, "target_width": self.target_width}
        return {name: value for name, value in given.items() if value is not None}

    def with_rates(self, by_bin: Mapping[Any, Sequence[float]]) -> ScreenConfig:
        """The same with these rates in place of a budget."""
        rates = {stratum: tuple(rates) for stratum, rates in by_bin.items()}
        return self.model_copy(update={"by_bin": rates, "max_scored": None, "target_width": None})

    @property
    def by_size(self) -> bool:
        """Whether the corpus's size decides: under `auto`, with no rate of one's own."""
        fields = type(self).model_fields
        return self.rule == "auto" and all(getattr(self, s) == fields[s].default for s in ("hit", "near", "sampled"))

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
            "max_scored": self.max_scored, **({"target_width": self.target_width} if self.target_width else {}),
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

    model: str = Field(
        "pack",
        description="`pack`: the pack's weights; `accurate`: its larger model, if it has one; or a folder of weights fitted by `train`",
    )
    engine: Literal["auto", "openvino", "torch"] = Field(
        "auto", description="`auto`: torch where there is a GPU or `device` names one, OpenVINO elsewhere and for int8"
    )
    precision: Literal["fp32", "bf16", "int8"] = Field(
        "fp32",
        description="bf16 is faster where the processor has bf16 units; int8 is faster still and a little less exact, on OpenVINO "
        "only, with a graph that `quantize` made; each is another classifier_id",
    )
    threshold: float = Field(
        0.5, gt=0, lt=1, description="for flagged passages in views and exports; no estimate uses it"
    )
    batch: int = Field(32, ge=1)
    device: str = Field("", description="of torch; default: cuda where there is one, else cpu")

    @model_validator(mode="after")
    def _of_torch(self) -> ClassifierConfig:
        torch = ["device"] * bool(self.device) + ["engine: torch"] * (self.engine == "torch")
        if self.precision == "int8" and torch:
            raise ValueError(f"int8 is OpenVINO's: leave {' and '.join(torch)} out, or set precision: bf16")
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
