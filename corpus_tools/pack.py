"""A pack: codebook, lexicon, weights and card of one family of narratives. Loaded and checked here, written as data.

A pack is a folder: `pack.toml` (labels, groups, derived labels, questions), `lexicon.toml` (the gate's phrases), `codebook.md`,
`card.md`, `screen.npz` (the cheap scorer before the encoder; it may be missing) and `weights/` (safetensors and JSON, their SHA-256
in `weights/weights.json`); `accurate/` holds those of a larger model with a card of its own, where there is one. No Python. A pack of
your own is named by its folder in the configuration (`pack: ./my_pack`).
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from corpus_tools.errors import PackError, no_such

PACKS = Path(__file__).parent / "packs"
MODELS = {"pack": "weights", "accurate": "accurate"}
"""What `classifier.model` may name besides a folder -> the pack's own folder of those weights."""


@dataclass(frozen=True)
class Derived:
    """A label that follows from others: all of `all_of`, any of `any_of`, none of `none_of`. Over annotations, not scores."""

    all_of: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()
    none_of: tuple[str, ...] = ()

    def holds(self, true: set[str]) -> bool:
        """The labels that are true -> whether this one is."""
        return (
            true.issuperset(self.all_of)
            and (not self.any_of or not true.isdisjoint(self.any_of))
            and true.isdisjoint(self.none_of)
        )


@dataclass(frozen=True)
class Pack:
    """One family of narratives. `labels` in the order of the score columns; `groups` exclude each other within one group."""

    name: str
    version: str
    title: str
    folder: Path
    labels: tuple[str, ...]
    groups: Mapping[str, tuple[str, ...]]
    derived: Mapping[str, Derived]
    headline: str
    modes: Mapping[str, str]
    balance: tuple[tuple[str, str], ...]
    outcome_of: str
    outcomes: Mapping[str, str]
    languages: tuple[str, ...]
    kinds: Mapping[str, str]
    descriptions: Mapping[str, str]

    @property
    def lexicon(self) -> Path:
        """The gate's phrases."""
        return self.folder / "lexicon.toml"

    @property
    def screen(self) -> Path:
        """Weights of the cheap scorer before the encoder, if the pack has one."""
        return self.folder / "screen.npz"

    @property
    def weights(self) -> Path:
        """Folder of the fitted weights."""
        return self.folder / "weights"

    def weights_of(self, model: str) -> Path:
        """Folder of the weights that `classifier.model` names: `pack`, `accurate` (a larger model of the pack), or any folder."""
        return self.folder / MODELS[model] if model in MODELS else Path(model)

    def known_label(self, name: str) -> str:
        """The label's name, the headline where none is given. Raises UsageError for one that the pack does not have."""
        name = name or self.headline
        if name not in self.labels:
            raise no_such("label", name, self.labels)
        return name

    def derive(self, true: set[str]) -> set[str]:
        """The annotated labels that are true -> these and every derived label that follows, in the order of `derived`."""
        out = set(true)
        for name, rule in self.derived.items():
            if rule.holds(out):
                out.add(name)
        return out


def load_pack(name: str) -> Pack:
    """Name of a bundled pack, or a folder -> the pack. Raises PackError with what is there instead."""
    folder = PACKS / name
    if not (folder / "pack.toml").is_file():
        folder = Path(name)
    if not (folder / "pack.toml").is_file():
        there = sorted(p.parent.name for p in PACKS.glob("*/pack.toml"))
        near = get_close_matches(name, there, n=1)
        raise PackError(
            f"no pack {name!r}",
            expected=f"one of {', '.join(there)}, or a folder with a pack.toml",
            todo=f"Did you mean {near[0]!r}?" if near else "",
        )
    try:
        spec = tomllib.loads((folder / "pack.toml").read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PackError(f"not valid TOML: {error}", where=str(folder / "pack.toml")) from error
    return _pack(folder, spec)


def _pack(folder: Path, spec: dict[str, Any]) -> Pack:
    where = str(folder / "pack.toml")
    try:
        labels = tuple(spec["labels"])
        derived = {
            name: Derived(**{key: tuple(rule.get(key, ())) for key in ("all_of", "any_of", "none_of")})
            for name, rule in spec.get("derived", {}).items()
        }
        questions = spec["questions"]
        pack = Pack(
            name=spec["name"],
            version=str(spec["version"]),
            title=spec["title"],
            folder=folder,
            labels=labels,
            groups={name: tuple(values) for name, values in spec.get("groups", {}).items()},
            derived=derived,
            headline=questions["headline"],
            modes=questions.get("modes", {}),
            balance=tuple((a, b) for a, b in questions.get("balance", ())),
            outcome_of=questions.get("outcome_of", ""),
            outcomes=questions.get("outcomes", {}),
            languages=tuple(spec.get("languages", ())),
            kinds=spec.get("kinds", {}),
            descriptions=spec.get("descriptions", {}),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PackError(f"a part is missing or has the wrong form: {error}", where=where) from error
    named = {pack.headline, *pack.modes.values(), *pack.outcomes.values(), *derived}
    named |= {label for pair in pack.balance for label in pair}
    named |= {label for rule in derived.values() for label in (*rule.all_of, *rule.any_of, *rule.none_of)}
    named |= {label for values in pack.groups.values() for label in values}
    named |= {pack.outcome_of} if pack.outcome_of else set()
    unknown = sorted(named - set(labels))
    if unknown:
        raise PackError(f"unknown labels: {', '.join(unknown)}", where=where, expected="names listed in `labels`")
    return pack


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
