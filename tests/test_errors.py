"""Errors keep their parts on the way back from a worker process."""

from __future__ import annotations

import pickle

import pytest

from corpus_tools.errors import ConfigError, CorpusAuditError, RootError, ShardFailed, Stop


@pytest.mark.parametrize(
    "error",
    [
        CorpusAuditError("what"),
        Stop("what", where="where", expected="this", todo="Do it."),
        RootError("what", where="where"),
        ShardFailed("what", where="where", retry=True),
        ConfigError(["one", "two"], where="file"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_survives_pickling(error: CorpusAuditError) -> None:
    back = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (type(back), str(back), vars(back), back.args) == (type(error), str(error), vars(error), error.args)
