"""YAML -> the configuration: addresses made absolute, every mistake told at once, unknown keys with the nearest known one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from corpus_tools.config.model import AuditConfig, CorpusEntry
from corpus_tools.errors import ConfigError
from corpus_tools.pack import MODELS


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


def parse_config(given: object, *, where: str, base: Path | None = None) -> AuditConfig:
    """A mapping as read from YAML -> the configuration. Relative paths are taken from `base`. Raises ConfigError with every mistake."""
    if not isinstance(given, Mapping):
        found = "the file is empty" if given is None else f"not {type(given).__name__}"
        raise ConfigError([f"a configuration is a mapping of keys (name, corpus, output …): {found}"], where=where)
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
    for part, own in (("classifier", tuple(MODELS)), ("screen", ("pack",))):
        model = raw[part].get("model") if isinstance(raw.get(part), dict) else None
        if isinstance(model, str) and model not in own:
            raw[part]["model"] = _anchored(model, base)
    try:
        return AuditConfig.model_validate(raw)
    except ValidationError as error:
        raise ConfigError([_mistake(e) for e in error.errors()], where=where) from None


def _default_name(uri: str) -> str:
    root = CorpusEntry(uri=uri).root if uri else ""
    tail = root.split("://", 1)[-1].split(":", 1)[-1].rstrip("/").rsplit("/", 1)[-1]
    for suffix in (".zst", ".gz", ".parquet", ".jsonl", ".json", ".ndjson", ".warc", ".wet"):
        tail = tail.removesuffix(suffix)
    return tail or "corpus"


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
