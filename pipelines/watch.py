"""How an audit tells what it does: the flow calls, the command line shows. Light to import: no Prefect."""

from __future__ import annotations

from corpus_tools.root import Root
from corpus_tools.stopping import Figure


class Watcher:
    """Is told how an audit goes, and shows nothing; the command line's shows it."""

    def scanning(self, root: Root, scan_id: str, classifier_id: str, headline: str) -> None:
        """Which scan, under which classifier, is about to run in which root, and the label of its headline figure."""

    def planned(self, shards: int, available: int, done: int, total_bytes: int) -> None:
        """So many shards of those there are, of which so many were done before; bytes of the rest."""

    def read(self, shard_id: str, text_bytes: int) -> None:
        """So many bytes of a shard's text were read."""

    def finished(self, shards: int, file_bytes: int, failed: int) -> None:
        """A group of shards is done, so many of them failed."""

    def look(self, figure: Figure) -> None:
        """The headline figure so far."""

    def note(self, text: str) -> None:
        """Something that a person should know, in a line; nothing has failed."""

    def step(self, name: str) -> None:
        """The next step begins: plan, scan, estimate, load, report."""


current = Watcher()
"""Who is told now. No parameter of a flow, which Prefect shows and stores; and not in the flow's own module, whose names travel with
the flow to the workers of a cluster, where a terminal cannot go."""
