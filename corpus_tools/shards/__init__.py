"""Corpus spec (paths, globs, fsspec addresses, `datasets:…`) -> shards, in hash order. Opens no contents but to hash local bytes.

listing (the files that are there, and their formats) > plan (shards, their ids, their order).
"""

from corpus_tools.shards.listing import FORMATS
from corpus_tools.shards.plan import Part, Plan, Shard, plan_shards

__all__ = ["FORMATS", "Part", "Plan", "Shard", "plan_shards"]
