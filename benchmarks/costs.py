"""What an audit of FineWeb or of a month of Common Crawl costs, from measured rates and named assumptions: a Markdown table.

    python benchmarks/costs.py [--price 0.04] [--precision fp32] [--page docs/costs.md]

The rates are those that `benchmarks/rates.py` measured (benchmarks/results/rates.json). Everything that is assumed is an option, and is
printed with the table.
"""

from __future__ import annotations

import argparse
import json
import math
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from scipy import stats

from corpus_tools.stopping import FACTOR, FEWEST

RATES = Path(__file__).parent / "results" / "rates.json"
MARKS = re.compile(r"(<!-- costs -->\n).*?(<!-- end -->)", re.DOTALL)
Rates = dict[str, Any]


@dataclass(frozen=True)
class Corpus:
    """Sizes in TB (10^12 bytes). `spread`: standard deviation between shards of the positives per shard, over their mean, beyond
    what chance makes of so many positives."""

    name: str
    form: str
    text_tb: float
    fetched_tb: float
    shards: int
    spread: float


@dataclass(frozen=True)
class Assumed:
    """What nobody measured here."""

    bytes_per_token: float = 4.4  # of GPT-2's, English
    fineweb_tokens: float = 15e12
    fineweb_tb: float = 44.0  # on disk
    fineweb_files: int = 22_000  # of about 2 GB
    crawl_pages: float = 2.64e9  # December 2024
    crawl_kb_a_page: float = 4.54 * 2**40 / 1.72e9 / 1e3  # compressed WET, September 2016: 4.54 TiB, 1.72 billion pages
    crawl_files: int = 100_000
    fineweb_spread: float = 0.5
    crawl_spread: float = 0.15
    prevalence: float = 0.0005  # of passages
    clustering: float = 5.0  # variance of a count of positives over its mean: stories hold several, texts are copied
    drawn: float = 0.3  # how likely a positive is drawn, averaged as 1 / mean(1 / q)
    labels: float = 0.5  # share of the interval's variance that labels and the gate's misses have


@dataclass(frozen=True)
class Cost:
    """Processor hours of one core, of `text_tb` read and `passages` encoded."""

    text_tb: float
    fetched_tb: float
    passages: float
    reading: float
    encoding: float

    @property
    def hours(self) -> float:
        """Both."""
        return self.reading + self.encoding


def corpora(rates: Rates, assumed: Assumed) -> list[Corpus]:
    """FineWeb and a monthly crawl."""
    crawl = assumed.crawl_pages * assumed.crawl_kb_a_page / 1e9
    fineweb = assumed.fineweb_tokens * assumed.bytes_per_token / 1e12
    return [
        Corpus("FineWeb", "parquet", fineweb, assumed.fineweb_tb, assumed.fineweb_files, assumed.fineweb_spread),
        Corpus("Common Crawl, a month", "wet", crawl * rates["web"]["gzip"], crawl, assumed.crawl_files, assumed.crawl_spread),
    ]  # fmt: skip


def scored_per_mb(rates: Rates, rule: str, audit: float) -> float:
    """Passages that are encoded for a megabyte of text. Rule `all`: every passage of every document."""
    there = rates["web"]["passages_per_mb"]
    if rule == "all":
        return float(sum(there.values()))
    opened = {"hit": 1.0, "near": 1.0, "sampled": audit}
    return float(sum(n * opened[s] * rates["web"]["drawn"][rule][s] for s, n in there.items()))


def cost(corpus: Corpus, rates: Rates, rule: str, *, precision: str, audit: float, share: float = 1.0) -> Cost:
    """A share of a corpus under a screen's rule."""
    megabytes = corpus.text_tb * 1e6 * share
    passages = megabytes * scored_per_mb(rates, rule, audit)
    return Cost(
        corpus.text_tb * share, corpus.fetched_tb * share, passages,
        megabytes / rates["scan"][corpus.form] / 3600, passages / rates["encoder"][precision] / 3600,
    )  # fmt: skip


def shards_needed(corpus: Corpus, rates: Rates, assumed: Assumed, width: float) -> int:
    """Shards until the half-width of a 95 % interval is the wanted share of the figure, at the looks that `--until-width` takes."""
    positives = corpus.text_tb * 1e6 / corpus.shards * scored_per_mb(rates, "all", 1) * assumed.prevalence
    spread = math.sqrt(corpus.spread**2 + assumed.clustering / (positives * assumed.drawn))
    wanted = width * math.sqrt(1 - assumed.labels)
    n = min(FEWEST, corpus.shards)
    while n < corpus.shards and stats.t.ppf(0.975, n - 1) * spread * math.sqrt(1 / n - 1 / corpus.shards) > wanted:
        n = min(math.ceil(FACTOR * n), corpus.shards)
    return n


def table(rates: Rates, assumed: Assumed, *, price: float, precision: str, audit: float, width: float) -> list[str]:
    """Lines of the page's table."""
    lines = [
        "| corpus | what | shards | TB of text | TB fetched | passages encoded | core-hours reading | encoding | in all | USD |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    until = f"a {width:.0%} interval".replace("%", " %")
    for corpus in corpora(rates, assumed):
        few = shards_needed(corpus, rates, assumed, width)
        for what, rule, n in (
            ("every passage encoded, no gate", "all", corpus.shards),
            ("census of hit documents", "census", corpus.shards),
            ("all shards, default rates", "rates", corpus.shards),
            ("all shards, `rule: scored`", "scored", corpus.shards),
            (f"{until}, default rates", "rates", few),
            (f"{until}, `rule: scored`", "scored", few),
        ):
            c = cost(corpus, rates, rule, precision=precision, audit=audit, share=n / corpus.shards)
            numbers = (n, c.text_tb, c.fetched_tb, c.passages, c.reading, c.encoding, c.hours, c.hours * price)
            lines.append(f"| {corpus.name} | {what} | " + " | ".join(map(rounded, numbers)) + " |")
    return lines


def rounded(x: float) -> str:
    """Two significant digits, no more than such a figure can bear; whole numbers below a hundred thousand as they are."""
    if isinstance(x, int):
        return f"{x:,}"
    digits = 1 - math.floor(math.log10(abs(x))) if x else 0
    return f"{round(x, digits):,.{max(digits, 0)}f}"


TOLD = """
Measured on {date}, {machine}, load {load:.1f} (`benchmarks/rates.py`), per core:

- scan of web text (read, gate, count, open, split, screen): {scan[parquet]:.0f} MB/s from Parquet, {scan[wet]:.0f} MB/s from WET;
- encoder, OpenVINO, one thread: {encoder[fp32]:.1f} passages/s in fp32, {encoder[bf16]:.1f} in bf16; the table has {precision};
- web text ({web[documents]:,} documents, {web[mb]:.0f} MB): {web[hit_documents]:.1%} of documents hit; passages in a language that the
  model knows, per MB: {there[hit]:.0f} with a term, {there[near]:.0f} in the same documents, {there[sampled]:,.0f} in the others;
- mean rate of the screen under `rule: scored`: {scored[hit]:.3f} with a term, {scored[near]:.3f} near, {scored[sampled]:.3f} elsewhere;
  by default 1, 0.2 and 1;
- the same text as WET, gzipped record by record: {web[gzip]:.2f} bytes of text for one of file.

Assumed:

- {price:g} USD for a core-hour (`--price`), a core being one of this machine's; no storage, transfer or idle time;
- {audit:.1%} of the documents without a hit are opened (`gate.audit_fraction`);
- FineWeb: {tokens:g} T tokens (GPT-2) of {a.bytes_per_token:g} bytes, {a.fineweb_tb:g} TB on disk, {a.fineweb_files:,} files of
  about 2 GB;
- a crawl: {pages:g} billion pages (December 2024), each {a.crawl_kb_a_page:.1f} kB of compressed WET (September 2016: 4.54 TiB for 1.72
  billion pages), {a.crawl_files:,} files; its text taken to be as the web text above, in which other languages are rarer;
- for the interval: positives per shard vary by {a.fineweb_spread:.0%} of their mean between FineWeb's files (a file is of one crawl), by
  {a.crawl_spread:.0%} between files of a crawl, and by chance: {a.prevalence:.2%} of passages are positive, the variance of their number is
  {a.clustering:g} times the number, and a positive is drawn with probability {a.drawn:g};
- labels and the gate's misses have {a.labels:.0%} of the interval's variance; looks are at {fewest} shards and then at {factor:g} times
  as many."""


def told(rates: Rates, assumed: Assumed, given: argparse.Namespace) -> str:
    """The table, what it rests on, and where that was measured."""
    lines = table(rates, assumed, price=given.price, precision=given.precision, audit=given.audit, width=given.width)
    text = TOLD.format(
        **rates, there=rates["web"]["passages_per_mb"], scored=rates["web"]["drawn"]["scored"], a=assumed, price=given.price,
        precision=given.precision, audit=given.audit, fewest=FEWEST, factor=FACTOR,
        tokens=assumed.fineweb_tokens / 1e12, pages=assumed.crawl_pages / 1e9,
    )  # fmt: skip
    return "\n".join([*lines, text.replace("%", " %")])


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    """The command line's options: every assumption is one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--price", type=float, default=0.04, help="USD for a core-hour")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32", help="of the encoder")
    parser.add_argument("--audit", type=float, default=0.01, help="gate.audit_fraction")
    parser.add_argument("--width", type=float, default=0.2, help="half-width of the interval over the figure")
    parser.add_argument("--rates", type=Path, default=RATES)
    for field in fields(Assumed):
        flag = "--" + field.name.replace("_", "-")
        parser.add_argument(flag, type=type(field.default), default=field.default, help="(default: %(default)s)")
    parser.add_argument("--page", type=Path, help="write the table into this page, between its marks")
    return parser.parse_args(words)


def main() -> None:
    given = arguments()
    assumed = Assumed(**{field.name: getattr(given, field.name) for field in fields(Assumed)})
    text = told(json.loads(given.rates.read_text("utf-8")), assumed, given)
    if given.page:
        page = given.page.read_text("utf-8")
        given.page.write_text(MARKS.sub(lambda m: f"{m[1]}{text}\n{m[2]}", page), "utf-8")
    print(text)


if __name__ == "__main__":
    main()
