"""`corpus-audit export`: a list of documents for a training pipeline, with what it is expected to do."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from corpus_tools.errors import UsageError
from pipelines.cli.options import AuditOption, RootOption, opened
from pipelines.show import err, out


def export(
    output: Annotated[
        Path, typer.Option(help="ends in .parquet, .jsonl or .sql (a filter expression)", dir_okay=False)
    ] = Path("filter.parquet"),
    root: RootOption = "",
    audit: AuditOption = "",
    label: Annotated[str, typer.Option(help="whose scores list a document; default: the headline label")] = "",
    threshold: Annotated[
        float | None, typer.Option(help="score from which a document is listed; default: the audit's")
    ] = None,
    target_removed: Annotated[
        str,
        typer.Option(help="instead: the highest threshold that removes such a share of it, as 90%", metavar="SHARE"),
    ] = "",
    max_words_lost: Annotated[
        str,
        typer.Option(help="instead: the lowest that costs at most such a share of all words, as 0.5%", metavar="SHARE"),
    ] = "",
    weight: Annotated[float, typer.Option(help="of the listed documents; 0 takes them out")] = 0.0,
    upweight: Annotated[
        list[str] | None,
        typer.Option(
            help="weigh documents of another label up: prosocial=2.0, or prosocial=2.0@0.7 with a threshold of its own; more than once",
            metavar="LABEL=WEIGHT[@THRESHOLD]",
        ),
    ] = None,
    uncalibrated: Annotated[
        bool, typer.Option("--uncalibrated", help="write the list although its precision and recall are unknown")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace files that are there")] = False,
) -> None:
    """List documents to take out or to weigh anew, with precision, recall and the trade-off curve.

    Writes the list; beside it what is known of it (.md, .json) and a filter for datatrove and datasets (.py).
    """
    from corpus_tools import audit as audits
    from corpus_tools.export import Wish, make, page, write
    from corpus_tools.export.write import check

    wish = Wish(
        label=label,
        threshold=threshold,
        target_removed=_share("--target-removed", target_removed),
        max_words_lost=_share("--max-words-lost", max_words_lost),
        weight=weight,
        upweights=dict(_upweight(text) for text in upweight or []),
        uncalibrated=uncalibrated,
    )
    check(output, overwrite)
    place, found = opened(root, audit)
    made = make(place, found, audits.pack_of(found), wish, shlex.join(["corpus-audit", *sys.argv[1:]]))
    written = write(made, output, overwrite=overwrite)
    for sentence in page.sentences(made.facts):
        out.print(sentence, markup=False, soft_wrap=True)
    out.print()
    for name, path in written.items():
        out.print(f"{name:8}  {path}", markup=False, soft_wrap=True)
    if not made.facts["calibrated"]:
        err.print("Not measured: written because of --uncalibrated.", style="yellow")


def _share(name: str, text: str) -> float | None:
    """'90%' or '0.9' -> 0.9; '' -> None."""
    if not text:
        return None
    number = text.strip().removesuffix("%").strip()
    try:
        value = float(number)
    except ValueError:
        raise UsageError(f"{name} is {text!r}", expected="a share, as 90% or 0.9") from None
    if not text.strip().endswith("%") and value >= 1:
        raise UsageError(f"{name} is {text!r}", expected="a share, as 90% or 0.9", todo=f"Did you mean {number}%?")
    return value / 100 if text.strip().endswith("%") else value


def _upweight(text: str) -> tuple[str, tuple[float, float | None]]:
    """'prosocial=2.0@0.7' -> ('prosocial', (2.0, 0.7))."""
    label, _, rest = text.partition("=")
    weight, at, threshold = rest.partition("@")
    try:
        return label.strip(), (float(weight), float(threshold) if at else None)
    except ValueError:
        raise UsageError(
            f"--upweight is {text!r}", expected="LABEL=WEIGHT or LABEL=WEIGHT@THRESHOLD, as prosocial=2.0"
        ) from None
