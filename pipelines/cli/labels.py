"""`corpus-audit label …`: rounds drawn, topped up, brought back, agreed on, planned."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from corpus_tools.errors import LabelError, RootError, no_such
from pipelines.cli.options import AuditOption, RootOption, beside, opened, root_of, tell_notes, where
from pipelines.show import frame_table, out

label_app = typer.Typer(
    name="label",
    help="Rounds of labels: draw passages, label them outside, bring the labels back.",
    no_args_is_help=True,
)


@label_app.command("plan")
def label_plan(
    target: Annotated[
        float, typer.Option("--half-width", min=0.001, help="relative half-width of the corpus figure, 0.2 for 20 %")
    ] = 0.2,
    root: RootOption = "",
    audit: AuditOption = "",
    label: Annotated[str, typer.Option(help="default: the headline label")] = "",
) -> None:
    """Say how many labels a wanted width of the interval would cost."""
    from corpus_tools import audit as audits

    place, found = opened(root, audit)
    beside(found)
    plan = audits.labels_wanted(place, found, audits.pack_of(found), target, label)
    more = f"{plan.more:,} more" if plan.more else "no more than there are"
    out.print(
        f"{plan.labelled:,} labels gave a half-width of {plan.half_width:.0%} of the figure; "
        f"{target:.0%} would take about {plan.needed:,}: {more}"
    )
    if plan.more < plan.needed - plan.labelled:
        left = (
            f"Only {plan.unlabelled:,} candidates are not labelled yet"
            if plan.unlabelled
            else "Every candidate is labelled"
        )
        out.print(
            f"{left}: for more, open or screen more of the corpus (gate.audit_fraction, screen).",
            style="yellow",
            soft_wrap=True,
        )


@label_app.command("sample")
def label_sample(
    root: RootOption = "",
    audit: AuditOption = "",
    name: Annotated[str, typer.Option(help="the round's name; default: round-1, round-2 …", show_default=False)] = "",
    new: Annotated[
        bool, typer.Option("--new", help="top up a round for shards that arrived after it, by its own rule")
    ] = False,
    of: Annotated[
        str, typer.Option("--of", help="passages, or documents: every passage of each drawn document")
    ] = "passages",
    size: Annotated[int, typer.Option(min=1, help="about how many passages (or documents)")] = 400,
    role: Annotated[str, typer.Option(help="estimate: corrects figures; train: fits models. Never both.")] = "estimate",
    label: Annotated[str, typer.Option(help="whose scores set the rates; default: the headline label")] = "",
    by: Annotated[
        str, typer.Option(help="a dimension (dataset, domain, kind …) whose sources share the labels equally")
    ] = "",
    form: Annotated[str, typer.Option("--format", help="jsonl, csv or labelstudio")] = "jsonl",
    output: Annotated[Path | None, typer.Option(help="default: <round>.<format> beside you")] = None,
) -> None:
    """Draw a round of passages (or whole documents) to label, with known probabilities, and write them to a file."""
    from corpus_tools import audit as audits
    from corpus_tools.labels import check_new
    from corpus_tools.labels.files import FORMATS
    from corpus_tools.rounds import free_name, sample_round, top_up

    if form not in FORMATS:
        raise no_such("format", form, FORMATS)
    place, found = opened(root, audit)
    pack = audits.pack_of(found)
    name = name or (_short_round(place, found) if new else free_name(place))
    if not new:
        check_new(place, name, role)
    batch = len((place.read_json("rounds", f"{name}.json") or {}).get("batches", [1]))
    target = output or Path(f"{name}{f'-top-up-{batch}' if new else ''}.{FORMATS[form]}")
    writable(target)
    drawn = (
        top_up(place, found, pack, name)
        if new
        else sample_round(place, found, pack, name=name, size=size, role=role, label=label, by=by, of=of)
    )
    write_out(place, pack, drawn, target, form, f" from {drawn.shards} new shards" if new else "")


def write_out(place: Any, pack: Any, drawn: Any, target: Path, form: str, over: str = "") -> None:
    """Passages that a round drew now -> the file to fill in; says what to do with it. `over`: what they were drawn from."""
    import polars as pl

    from corpus_tools.labels import export_round, label_studio_config, read_round

    texts = dict(drawn.passages.select("content", "text").iter_rows())
    rule, rows = read_round(place, drawn.round)
    mine = rows.filter(pl.col("passage_id").is_in(drawn.passages["passage_id"].implode()))
    target.write_bytes(export_round(mine, texts, pack, form, rule))
    documents = f" of {drawn.documents} documents" if drawn.documents else ""
    out.print(f"round {drawn.round}: {len(mine):,} passages{documents} drawn{over}: {target}", soft_wrap=True)
    if over and not len(mine):
        out.print("The rule draws nothing from them that was not drawn before: the round covers them now.")
    if form == "labelstudio":
        interface = target.with_suffix(".xml")
        interface.write_text(label_studio_config(pack), "utf-8")
        out.print(
            f"Label Studio's labelling interface (Settings > Labeling Interface > Code): {interface}", soft_wrap=True
        )
    if len(mine):
        out.print(
            f"Fill it in by the codebook ({pack.folder / 'codebook.md'}), then:\n"
            f"  corpus-audit label import {target} --round {drawn.round} --root {place.uri} --annotator YOU",
            soft_wrap=True, markup=False,
        )  # fmt: skip


def _short_round(place: Any, audit: Any) -> str:
    """The round that lacks shards of the audit. Raises LabelError where there is none, or several."""
    from corpus_tools.labels import round_names
    from corpus_tools.rounds import short_rounds

    short = short_rounds(place, audit)
    if len(short) == 1:
        return short[0]
    if short:
        raise LabelError(
            f"{len(short)} rounds lack shards of the audit",
            expected="one",
            todo=f"Name it: --name {' | --name '.join(short)}",
        )
    there = ", ".join(round_names(place))
    raise LabelError(
        f"no new shards: every round covers the audit ({there})" if there else "no round to top up",
        where=place.uri,
        todo="For more labels draw another round: corpus-audit label sample."
        if there
        else "Draw one: corpus-audit label sample.",
    )


def writable(target: Path) -> None:
    """Before a round is drawn: it is never drawn again. Raises LabelError where its file cannot be written, or would replace one."""
    if target.exists():
        raise LabelError("there is a file already", where=str(target), todo="Move it, or name another by --output.")
    if not target.absolute().parent.is_dir():
        raise LabelError("no such folder", where=str(target.parent), todo="Make it, or name another by --output.")


@label_app.command("import")
def label_import(
    file: Annotated[Path, typer.Argument(help="the filled-in file (JSONL, CSV, or a Label Studio export)")],
    round_name: Annotated[str, typer.Option("--round", help="the round's name")],
    annotator: Annotated[str, typer.Option(help="who labelled; a language model is named as one")],
    root: RootOption = "",
    audit: Annotated[
        str, typer.Option("--audit", help="which to estimate anew; default: the scan's latest", show_default=False)
    ] = "",
) -> None:
    """Bring labels back, and estimate anew: no shard is read."""
    from corpus_tools import audit as audits
    from corpus_tools.labels import import_labels, read_answers, read_round
    from corpus_tools.root import Root
    from pipelines.audit import estimate_flow

    if not annotator.strip():
        raise LabelError("no annotator is named", expected="--annotator and a name; a language model is named as one")
    place = Root(root_of(root))
    rule, _ = read_round(place, round_name)
    same = [a for a in place.audits() if a["scan_id"] == rule["scan_id"]]
    found = audits.read(place, audit or (same[-1]["audit_id"] if same else rule["audit_id"]))
    if found["scan_id"] != rule["scan_id"]:
        raise RootError(
            f"the round {round_name!r} is not of audit {found['audit_id']}", expected="an audit of the same scan"
        )
    pack = audits.pack_of(found)
    done = import_labels(place, round_name, read_answers(file, pack), pack, annotator)
    out.print(
        f"{done.answered:,} passages answered; {done.labelled:,} of the round's {done.drawn:,} have an answer now"
    )
    for reason, count in done.set_aside.items():
        out.print(f"{count:,} set aside: {reason}", style="yellow", markup=False, soft_wrap=True)
    if done.differing.get(pack.headline):
        out.print(
            f"annotators differ on {pack.headline}, passages: {done.differing[pack.headline]:,}; their mean counts; "
            f"see corpus-audit label agreement --round {round_name}", style="yellow", soft_wrap=True,
        )  # fmt: skip
    if rule["role"] != "estimate":
        out.print("The round's role is train: it corrects no figure. Give the file to corpus-audit train --labels.")
        return
    outcome = estimate_flow(str(Path(place.uri).resolve()) if place.local else place.uri, found["audit_id"])
    beside(found)
    tell_notes(place, found["audit_id"])
    if outcome.labels_wanted:
        out.print(f"{outcome.labels_wanted} more labels are wanted for an interval of the corpus", style="yellow")
    where(outcome.database, outcome.report)


@label_app.command("agreement")
def label_agreement(round_name: Annotated[str, typer.Option("--round")], root: RootOption = "") -> None:
    """Cohen's kappa of the annotators of a round, by label."""
    from corpus_tools import audit as audits
    from corpus_tools.labels import agreement, read_round
    from corpus_tools.root import Root

    place = Root(root_of(root))
    pack = audits.pack_of(audits.read(place, read_round(place, round_name)[0]["audit_id"]))
    out.print(frame_table(agreement(place, round_name, pack)))
