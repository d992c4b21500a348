"""Commands around a classifier: score, train, stack, quantize, train-screen, evaluate."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from pipelines.cli.options import ModelOption, ModelsOption, known_teacher
from pipelines.show import err, frame_table, out

if TYPE_CHECKING:
    from corpus_tools.pack import Pack

PACK = "ai_self_preservation"
PackOption = Annotated[str, typer.Option(help="a bundled pack or a folder")]
TextsOption = Annotated[
    list[Path] | None,
    typer.Option(help="passages with passage_id and text, of annotations without; more than once"),
]


def score(
    source: Annotated[Path, typer.Argument(metavar="IN.jsonl", help="passages: passage_id and text a line")],
    output: Annotated[Path, typer.Option(help="where to write passage_id and scores a line")],
    pack: PackOption = PACK,
    model: ModelOption = "pack",
) -> None:
    """Score passages from a file: label -> probability. Marks texts that were cut off, or are in a language that the pack does not know."""
    from corpus_tools.classifier.score import score_file
    from corpus_tools.config import ClassifierConfig

    done = score_file(source, output, pack, ClassifierConfig(model=model))
    err.print(f"{done.passages:,} passages scored: {output}", markup=False, soft_wrap=True)
    for count, told in (
        (done.without_words, "without words: their scores say nothing"),
        (done.truncated, f"truncated: the encoder read the first {done.max_tokens} tokens only"),
        (done.unscored, "unscored: in a language that the pack does not know, not to be counted"),
    ):
        if count:
            err.print(f"{count:,} {told}", style="yellow", soft_wrap=True)


def train(
    labels: Annotated[
        list[Path], typer.Option(help="annotations (JSON Lines, with their texts or without); more than once")
    ],
    output: Annotated[Path, typer.Option(help="folder for the weights; name it as classifier.model")],
    texts: TextsOption = None,
    pack: PackOption = PACK,
    recipe: Annotated[Literal["fast", "accurate"], typer.Option(help="fast: MiniLM; accurate: MPNet, slower")] = "fast",
    teacher: Annotated[
        str,
        typer.Option(
            help="a larger model whose scores of --unlabelled are learnt too: `accurate`, or a folder",
            callback=known_teacher,
        ),
    ] = "",
    unlabelled: Annotated[
        list[Path] | None, typer.Option(help="passages (text) without labels, for the teacher; more than once")
    ] = None,
    epochs: Annotated[int, typer.Option(min=0, help="0: as many as the recipe says")] = 0,
) -> None:
    """Fit a classifier on labels; those with `split: validation` are held out, calibrate it, and judge it."""
    from corpus_tools.classifier.train import train as fit
    from corpus_tools.pack import load_pack

    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    rows, passages = _rows(labels), _rows(texts)
    spec = load_pack(pack)
    done = fit(
        spec, rows, passages, output, recipe=recipe, teacher=teacher, unlabelled=_rows(unlabelled), epochs=epochs
    )
    _fitted(done, spec, output)


def stack(
    model: ModelsOption,
    labels: Annotated[list[Path], typer.Option(help="annotations; those with `split: validation` calibrate and judge")],
    output: Annotated[Path, typer.Option(help="folder for the weights; name it as classifier.model")],
    texts: TextsOption = None,
    pack: PackOption = PACK,
) -> None:
    """Join classifiers into one: their encoders side by side, the mean of their logits."""
    from corpus_tools.classifier.stack import stack as join
    from corpus_tools.pack import load_pack

    rows, passages = _rows(labels), _rows(texts)
    spec = load_pack(pack)
    _fitted(join(spec, model, rows, passages, output), spec, output)


def quantize(
    texts: Annotated[
        list[Path], typer.Option(help="passages (text) by which the graph is made, labelled or not; more than once")
    ],
    pack: PackOption = PACK,
    model: ModelOption = "pack",
    samples: Annotated[int, typer.Option(min=1, help="how many of them, drawn by their hashes")] = 300,
) -> None:
    """Make the graph of `precision: int8` and put it beside the weights. Needs `pip install 'corpus-audit[quantize]'`; scoring does not."""
    from corpus_tools.classifier.quantize import quantize as make
    from corpus_tools.errors import LabelError
    from corpus_tools.pack import load_pack

    rows = _rows(texts)
    for number, row in enumerate(rows, 1):
        if not isinstance(row.get("text"), str):
            raise LabelError(f"text {number} of those given is no passage", expected="text in each")
    spec = load_pack(pack)
    apart = make(spec, model, [row["text"] for row in rows], samples)
    out.print(f"int8      {spec.weights_of(model)}", markup=False)
    out.print(
        f"scores    {apart['mean']:.4f} from those in fp32 in the mean, {apart['largest']:.4f} at most, on the texts drawn"
    )


def average(
    model: ModelsOption,
    labels: Annotated[list[Path], typer.Option(help="annotations; those with `split: validation` calibrate and judge")],
    output: Annotated[Path, typer.Option(help="folder for the weights; name it as classifier.model")],
    weight: Annotated[
        list[float] | None, typer.Option(help="of each model, in their order; default: all alike", min=0)
    ] = None,
    texts: TextsOption = None,
    pack: PackOption = PACK,
) -> None:
    """Average several trainings of one recipe into one classifier, as fast as each: the mean of their weights."""
    from corpus_tools.classifier.average import average as mean
    from corpus_tools.pack import load_pack

    rows, passages = _rows(labels), _rows(texts)
    spec = load_pack(pack)
    _fitted(mean(spec, model, rows, passages, output, weight or ()), spec, output)


def train_screen(
    labels: Annotated[list[Path], typer.Option(help="annotations (JSON Lines); more than once")],
    texts: Annotated[list[Path], typer.Option(help="passages with passage_id and text; more than once")],
    output: Annotated[Path, typer.Option(help="the npz to write; name it as screen.model")],
    scores: Annotated[
        list[Path], typer.Option(help="a classifier's scores of further passages, as `score` writes them")
    ] = [],  # noqa: B006  # typer reads it, nobody changes it
    pack: PackOption = PACK,
) -> None:
    """Fit the cheap scorer before the encoder; labels with `split: validation` are held out and say what it keeps."""
    from corpus_tools.classifier.screen import train_screen as fit
    from corpus_tools.pack import load_pack

    read = [_rows(paths) for paths in (labels, texts, scores)]
    out.print(frame_table(fit(load_pack(pack), read[0], read[1], output, read[2])))
    out.print(f"screen   {output}")


def evaluate(
    labels: Annotated[
        list[Path] | None,
        typer.Option(help="annotations (JSON Lines); more than once. Without any: the card's numbers again"),
    ] = None,
    texts: TextsOption = None,
    pack: PackOption = PACK,
    model: ModelOption = "pack",
    split: Annotated[str, typer.Option(help="only labels with this split; '' for all")] = "validation",
    readings: Annotated[
        list[Path] | None,
        typer.Option(help="two annotators' files of the same passages: how well one predicts the other"),
    ] = None,
    by: Annotated[
        list[str] | None, typer.Option(help="a field of the labels to slice by; more than once. Default: dataset")
    ] = None,
    threshold: Annotated[float, typer.Option(min=0.01, max=0.99, help="of F1, precision and recall")] = 0.5,
    write: Annotated[
        bool, typer.Option("--write", help="keep the numbers beside the weights and fill their card")
    ] = False,
) -> None:
    """Judge a classifier by labels of works that it never saw; without labels, print what its card says."""
    from corpus_tools.classifier.annotations import read_jsonl
    from corpus_tools.classifier.card import write_card
    from corpus_tools.classifier.judge import BY, judge, read_evaluation, write_evaluation
    from corpus_tools.config import ClassifierConfig
    from corpus_tools.errors import LabelError
    from corpus_tools.pack import load_pack

    spec = load_pack(pack)
    folder = spec.weights_of(model)
    if not labels:
        _quality(read_evaluation(folder))
        return
    rows = [row for row in _rows(labels) if not split or row.get("split") == split]
    if not rows:
        raise LabelError(
            f"no labels with split {split!r}", expected="at least one", todo="Name another --split, or '' for all."
        )
    passages = _rows(texts)
    config = ClassifierConfig(model=model, threshold=threshold)
    read = [read_jsonl(path) for path in readings or []]
    evaluation = judge(spec, config, rows, passages, passes=read, by=tuple(by or BY))
    _quality(evaluation)
    if write:
        write_evaluation(evaluation, folder)
        out.print(f"card      {write_card(spec, folder)}", markup=False)


def _rows(paths: Sequence[Path] | None) -> list[dict[str, Any]]:
    from corpus_tools.classifier.annotations import read_jsonl

    return [row for path in paths or () for row in read_jsonl(path)]


def _fitted(evaluation: Mapping[str, Any], pack: Pack, folder: Path) -> None:
    """How well new weights do, and where they and their card are."""
    from corpus_tools.classifier.card import card_path

    _quality(evaluation)
    out.print(f"weights   {folder}\ncard      {card_path(pack, folder)}", markup=False)


def _quality(evaluation: Mapping[str, Any]) -> None:
    from corpus_tools.classifier.card import metrics, slices

    for part in (metrics(evaluation), slices(evaluation["rows"])):
        out.print(part + "\n", markup=False, soft_wrap=True)
