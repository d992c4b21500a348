"""In or out, and with what probability: draws by a salted hash of the content.

A draw is `hash64(purpose, key, seed) < p * 2**64`. The *purpose* salts it: two draws that share a hash are not independent
(a second draw after a first at p = 0.01 comes out five times too high). The *key* is the content, so exact copies are in or out
together; chance comes from nothing else, so order, split, worker and restart change nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import xxhash

PURPOSES = ("shard", "audit", "screen", "label")


def content_hash(text: str | bytes | memoryview) -> str:
    """text -> its content: xxh3 (128 bit) of the UTF-8 bytes, 32 hexadecimal digits."""
    return xxhash.xxh3_128_hexdigest(text.encode() if isinstance(text, str) else text)


def _salt(purpose: str, seed: int) -> int:
    if purpose.split(":", 1)[0] not in PURPOSES:
        raise ValueError(f"unknown purpose {purpose!r}: one of {', '.join(PURPOSES)}, or label:<round>")
    return xxhash.xxh3_64_intdigest(purpose.encode(), seed=seed & 0xFFFFFFFFFFFFFFFF)


def hash64(purpose: str, key: str, seed: int) -> int:
    """One number in [0, 2**64), fixed by purpose, key and seed. `purpose` is one of PURPOSES, or `label:<round>`."""
    return xxhash.xxh3_64_intdigest(key.encode(), seed=_salt(purpose, seed))


def threshold(probability: float) -> int:
    """p -> the number below which a hash is in; exact at 0 and 1. Raises ValueError outside [0, 1]."""
    if not 0 <= probability <= 1:
        raise ValueError(f"a probability is between 0 and 1, not {probability!r}")
    return round(probability * 2**64)


def drawn(purpose: str, key: str, seed: int, probability: float) -> bool:
    """Whether `key` is in the draw."""
    return hash64(purpose, key, seed) < threshold(probability)


def draw(
    purpose: str, keys: Sequence[str], seed: int, probability: float | Sequence[float]
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """keys [n], one probability or n of them -> bool [n]."""
    rates = [probability] * len(keys) if isinstance(probability, float | int) else probability
    if len(rates) != len(keys):
        raise ValueError(f"{len(keys)} keys but {len(rates)} probabilities")
    salt, digest = _salt(purpose, seed), xxhash.xxh3_64_intdigest
    limits = {p: threshold(p) for p in set(rates)}
    return np.fromiter(
        (digest(key.encode(), seed=salt) < limits[p] for key, p in zip(keys, rates, strict=True)), bool, len(keys)
    )


def hash_order(purpose: str, keys: Iterable[str], seed: int) -> list[str]:
    """keys -> the same keys in the order of their hashes: any prefix is a simple random sample."""
    return sorted(keys, key=lambda key: (hash64(purpose, key, seed), key))
