"""Errors, named by what follows from them.

    CorpusAuditError            everything this package raises on purpose
      Stop                      the audit cannot go on: nothing is lost, mend and run again
        ConfigError             the configuration is wrong (all mistakes at once)
        UsageError              what is asked for cannot be meant: a name that there is not, a value out of its range
        PackError               a pack is missing, broken, or its weights do not match their hash
        RootError               the audit root cannot be read or written
        LabelError              a file of labels does not fit its round
        CompareError            two audits cannot be compared
        ExportError             a list of documents cannot be made, or not with what must be known of it
      ShardFailed               this shard fails, the others go on; `retry` says whether again may help
      RecordRejected            this record is put aside with a reason, the shard goes on

Each message has four parts: what came, where, what was expected, what to do. They stay attributes, so that
the command line can lay them out and a program can test them; `str(error)` joins them in one line.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class CorpusAuditError(Exception):
    """Base of all errors raised on purpose; carries the four parts of a message."""

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", expected: str = "", todo: str = "") -> None:
        self.what, self.where, self.expected, self.todo = what, where, expected, todo
        super().__init__(what, where, expected, todo)

    def __reduce__(self) -> tuple[object, ...]:  # errors come back from worker processes, with everything they carry
        return (_rebuilt, (type(self), self.__dict__))

    def __str__(self) -> str:
        text = self.what
        if self.where:
            text = f"{self.where}: {text}"
        if self.expected:
            text += f"; expected {self.expected}"
        if self.todo:
            text += f". {self.todo}"
        return text


def _rebuilt(kind: type[CorpusAuditError], attributes: dict[str, object]) -> CorpusAuditError:
    error = kind.__new__(kind)
    error.__dict__.update(attributes)
    error.args = tuple(attributes[name] for name in ("what", "where", "expected", "todo"))
    return error


class Stop(CorpusAuditError):
    """The audit cannot go on."""


class ConfigError(Stop):
    """The configuration is wrong. `mistakes` lists each one as a line."""

    exit_code = 2

    def __init__(self, mistakes: list[str], *, where: str = "") -> None:
        self.mistakes = mistakes
        super().__init__("; ".join(mistakes), where=where)


class UsageError(Stop):
    """What is asked for cannot be meant: a name that there is not, a value out of its range."""

    exit_code = 2


def no_such(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """The error of a name that is none of those known, with the nearest of them."""
    known = list(known)
    near = get_close_matches(name, known, n=1)
    todo = f"Did you mean {near[0]!r}?" if near else ""
    return UsageError(f"no {kind} {name!r}", expected=f"one of {', '.join(known)}", todo=todo)


class PackError(Stop):
    """A pack is missing, broken, or its weights do not match their hash."""

    exit_code = 3


class RootError(Stop):
    """The audit root cannot be read or written."""

    exit_code = 4


class LabelError(Stop):
    """A file of labels does not fit its round."""

    exit_code = 5


class CompareError(Stop):
    """Two audits cannot be compared."""

    exit_code = 6


class ExportError(Stop):
    """A list of documents cannot be made, or not with what must be known of it."""

    exit_code = 8


class ShardFailed(CorpusAuditError):
    """A shard fails as a whole; the others go on. `retry`: trying again may help."""

    exit_code = 7

    def __init__(self, what: str, *, where: str = "", expected: str = "", todo: str = "", retry: bool = False) -> None:
        super().__init__(what, where=where, expected=expected, todo=todo)
        self.retry = retry


class RecordRejected(CorpusAuditError):
    """A record is put aside with a reason; the shard goes on."""
