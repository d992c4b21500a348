"""The configuration of an audit: defaults, units, validation, and the part that decides which passages are kept.

model (the keys) > reading (YAML to the model; mistakes) > freezing (what the scan_id is made of).
"""

from corpus_tools.config.freezing import SCAN_FORMAT, digest, frozen
from corpus_tools.config.model import (
    DIMENSIONS,
    AuditConfig,
    ClassifierConfig,
    CorpusEntry,
    Event,
    GateConfig,
    NotifyConfig,
    PassageConfig,
    RunnerConfig,
    ScreenConfig,
    StoreConfig,
)
from corpus_tools.config.reading import load_config, parse_config

__all__ = [
    "DIMENSIONS",
    "SCAN_FORMAT",
    "AuditConfig",
    "ClassifierConfig",
    "CorpusEntry",
    "Event",
    "GateConfig",
    "NotifyConfig",
    "PassageConfig",
    "RunnerConfig",
    "ScreenConfig",
    "StoreConfig",
    "digest",
    "frozen",
    "load_config",
    "parse_config",
]
