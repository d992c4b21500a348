"""Compose the bundled sample corpus from `source/`: documents of 25 made-up sources, and the labels of every passage.

    python data/sample/build.py [FOLDER]

Everything is invented. The same `source/` and SEED give the same corpus. A paragraph is one passage: either one that
was written and labelled by hand, or a few sentences drawn from the bank of its source's kind, labelled by the list
that they came from.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from corpus_tools.config import PassageConfig
from corpus_tools.gate import Gate, load_lexicon
from corpus_tools.pack import PACKS
from corpus_tools.passages import split
from corpus_tools.texts import join

SEED = 2026
HERE = Path(__file__).resolve().parent
SHARDS = 3
COPIED_DOCUMENTS, COPIED_PASSAGES = 14, 20
GROUPED = (30, 32, 26, 12)  # shares of documents with one to four written passages
COPIED_NARRATIVE = 4  # at most, of each
ADVERSARIAL = {"self_preservation", "rebellion", "coercion", "deception"}

MODES = {
    "story": "fiction",
    "fan wiki": "about_fiction",
    "film reviews": "about_fiction",
    "forum": "argument",
    "news": "report",
    "documentation": "reference",
    "shop": "other",
    "encyclopedia": "reference",
    "policy": "argument",
    "law": "reference",
    "essay blog": "argument",
    "recipes": "reference",
    "gardening": "reference",
}
# How many paragraphs a document has: 1 to 5, with these weights.
PLAIN_LENGTHS = (36, 27, 19, 11, 7)
TOPIC_LENGTHS = (56, 26, 12, 4, 2)
# Texts that speak of these are not dated before 2019.
MODERN = re.compile(
    r"language model|chatbot|\bAI (?:tool|model|system|assistant|agent)|\bassistant\b|retraining", re.IGNORECASE
)
PREFIX = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Passage:
    """One paragraph with its codebook labels."""

    text: str
    origin: str  # hand | composed | foreign
    agent: str
    mode: str
    behaviours: tuple[str, ...] = ()
    threat: bool = False
    stance: str | None = None
    language: str = "en"
    named: bool = False  # a phrase of the lexicon was in it when it was written

    @property
    def narrative(self) -> bool:
        """Adversarial, and not disputed: the headline label."""
        return self.agent == "mind" and bool(ADVERSARIAL & set(self.behaviours)) and self.stance != "disputes"

    @property
    def truth(self) -> dict[str, object]:
        """Its line of the truth file."""
        line: dict[str, object] = {
            "sha256": hashlib.sha256(self.text.encode()).hexdigest(),
            "agent": self.agent,
            "behaviours": list(self.behaviours),
            "threat": self.threat,
            "mode": self.mode,
            "stance": self.stance,
            "origin": self.origin,
        }
        return line | ({"language": self.language} if self.language != "en" else {})


@dataclass(frozen=True)
class Site:
    """One made-up source; see source/sites.toml."""

    host: str
    kind: str
    dataset: str
    documents: int
    narrative: int
    written: int
    tool: int
    near: int
    years: tuple[int, int]
    path: str
    bank: str = ""

    @property
    def sentences(self) -> str:
        """Name of its bank."""
        return self.bank or self.kind


@dataclass
class Document:
    """A document before it is written."""

    site: Site
    passages: list[Passage]
    topic: bool  # holds anything but plain paragraphs
    id: str | None = None
    url: str = ""
    date: str | None = None
    language: str | None = None

    @property
    def text(self) -> str:
        """Paragraphs, parted by blank lines."""
        return "\n\n".join(p.text for p in self.passages)


@dataclass
class Sample:
    """The corpus in memory: each data set's documents in order, and every passage once."""

    documents: list[Document] = field(default_factory=list)

    @property
    def passages(self) -> list[Passage]:
        """Every passage of every document, copies and all."""
        return [p for d in self.documents for p in d.passages]

    @property
    def distinct(self) -> dict[str, Passage]:
        """text -> passage."""
        return {p.text: p for p in self.passages}


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def _written(record: dict[str, Any], origin: str) -> Passage:
    keys = ("text", "agent", "mode", "threat", "stance")
    more = {k: record[k] for k in ("language", "named") if k in record}
    return Passage(origin=origin, behaviours=tuple(record["behaviours"]), **{k: record[k] for k in keys}, **more)


class Composer:
    """Paragraphs from the bank, no two alike."""

    def __init__(self, bank: dict[str, dict[str, list[str]]], rng: Random) -> None:
        self.bank, self.rng, self.made = bank, rng, set[str]()

    def paragraph(self, kind: str, of: str = "plain") -> Passage:
        """A paragraph of 90 to 145 words.

        `tool`: at least two sentences on AI or robots as technology; `near`: one or two on mere computers, telephones
        and the like, which are no AI; `plain`: none of these.
        """
        rng, lists = self.rng, self.bank[kind]
        while True:
            some = {"plain": 0, "tool": rng.randint(2, 5), "near": rng.randint(1, 2)}[of]
            chosen = rng.sample(lists[of], min(some, len(lists[of]))) if some else []
            others = iter(rng.sample(lists["plain"], 12))
            words = rng.randint(90, 125)
            while sum(len(s.split()) for s in chosen) < words:
                chosen.append(next(others))
            rng.shuffle(chosen)
            text = " ".join(chosen)
            if text not in self.made and 470 <= len(text) <= 1060 and len(text.split()) <= 145:
                self.made.add(text)
                return Passage(text, "composed", agent="tool" if of == "tool" else "none", mode=MODES[kind])


def _deal(
    rng: Random, passages: Sequence[Passage], sites: Sequence[Site], weights: Sequence[int]
) -> dict[str, list[Passage]]:
    """Passages -> host -> its share, in proportion to the weights and with no remainder lost."""
    shuffled = rng.sample(list(passages), len(passages))
    dealt: dict[str, list[Passage]] = {site.host: [] for site in sites}
    total, done = sum(weights), 0.0
    for site, weight in zip(sites, weights, strict=True):
        end = done + len(shuffled) * weight / total
        dealt[site.host] = shuffled[round(done) : round(end)]
        done = end
    return dealt


def _groups(rng: Random, passages: list[Passage]) -> list[list[Passage]]:
    """A site's written passages -> those that share a document, whatever their words: a page on machines often has several.

    Whether one holds a phrase of the lexicon has no say, so that what the gate misses is as it would be elsewhere: passages
    whose neighbours hold none either.
    """
    left = rng.sample(passages, len(passages))
    groups = []
    while left:
        size = rng.choices(range(1, 5), GROUPED)[0]
        groups.append(left[:size])
        left = left[size:]
    return groups


def _site_documents(
    rng: Random, site: Site, written: list[Passage], foreign: list[Passage], composer: Composer
) -> list[Document]:
    cores = _groups(rng, written)
    for of, count in (("tool", site.tool), ("near", site.near)):
        cores += [
            [composer.paragraph(site.sentences, of) for _ in range(1 + (rng.random() < 0.15))] for _ in range(count)
        ]
    documents = [Document(site, [p], topic=True) for p in foreign]
    for core in cores:
        length = max(len(core), rng.choices(range(1, 6), TOPIC_LENGTHS)[0])
        passages = core + [composer.paragraph(site.sentences) for _ in range(length - len(core))]
        # Mostly what comes first is what the document is about; a group stays together.
        at = rng.randint(0, length - len(core)) if rng.random() < 0.5 else 0
        documents.append(Document(site, passages[len(core) :][:at] + core + passages[len(core) :][at:], topic=True))
    for _ in range(site.documents - len(documents)):
        length = rng.choices(range(1, 6), PLAIN_LENGTHS)[0]
        documents.append(Document(site, [composer.paragraph(site.sentences) for _ in range(length)], topic=False))
    if len(documents) != site.documents:
        raise ValueError(f"{site.host} has room for {site.documents} documents, not {len(documents)}")
    rng.shuffle(documents)
    return documents


def _copy(rng: Random, documents: list[Document]) -> None:
    """Turn some plain documents into exact copies of others, and a paragraph of some into a copy of a passage."""
    untouched = rng.sample([d for d in documents if not d.topic], sum(not d.topic for d in documents))
    topics = rng.sample([d for d in documents if d.topic], sum(d.topic for d in documents))
    plain = untouched[len(untouched) // 2 :]
    narrative = [d for d in topics if any(p.narrative for p in d.passages) and d.site.kind != "shop"]
    others = [d for d in topics if d not in narrative]

    def target(source: Document, room: int) -> Document:
        """A plain document elsewhere: of the same kind, else where people quote."""
        telling = any(p.narrative for p in source.passages)
        fit = [
            d
            for d in untouched
            if d.site != source.site and len(d.passages) >= room and (d.site.narrative or not telling)
        ]
        same = [d for d in fit if d.site.kind == source.site.kind]
        found = (same or [d for d in fit if d.site.kind in ("forum", "essay blog")])[0]
        untouched.remove(found)
        found.topic = True
        return found

    chosen = narrative[:COPIED_NARRATIVE] + others[: COPIED_DOCUMENTS - COPIED_NARRATIVE - 4] + plain[:4]
    untouched = [d for d in untouched if d not in plain[:14]]
    for source in chosen:
        copy = target(source, 1)
        copy.passages, copy.language = list(source.passages), source.language
    telling = narrative[COPIED_NARRATIVE : 2 * COPIED_NARRATIVE]
    rest = [d for d in others[COPIED_DOCUMENTS:] if all(p.language == "en" for p in d.passages)]
    for source in telling + rest[: COPIED_PASSAGES - COPIED_NARRATIVE - 6] + plain[4:10]:
        passage = next((p for p in source.passages if p.narrative), source.passages[0])
        copy = target(source, 2)
        copy.passages[rng.randrange(len(copy.passages))] = passage


def _describe(rng: Random, documents: list[Document]) -> None:
    """Give each document an id, an address, a date and (seldom) a language."""
    taken: set[str] = set()
    for number, document in enumerate(documents, 1):
        site = document.site
        first, last = site.years
        if MODERN.search(document.text) and last >= 2019:
            first = max(first, 2019)
        year, month, day = rng.randint(first, last), rng.randint(1, 12), rng.randint(1, 28)
        if year == 2026:
            month = rng.randint(1, 6)
        words = re.findall(r"[a-z]+", document.passages[0].text.lower().replace("'", ""))[: rng.randint(4, 6)]
        slug = "-".join(words) if document.passages[0].language == "en" else f"{document.passages[0].language}-{number}"
        while True:
            path = site.path.format(
                year=year,
                month=f"{month:02}",
                day=f"{day:02}",
                slug=slug,
                title=slug.title().replace("-", "_"),
                letter=slug[0],
                number=rng.randint(100, 99_999),
                part=rng.randint(1, 9),
            )
            host = site.host.upper() if rng.random() < 0.01 else site.host
            document.url = f"{'http' if last < 2020 or year < 2012 else 'https'}://{host}{path}"
            if document.url not in taken:
                break
            slug += f"-{rng.randint(2, 99)}"
        taken.add(document.url)
        if rng.random() > 0.07:
            document.date = f"{year}-{month:02}-{day:02}"
            if site.dataset == "posts":
                document.date += f"T{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:{rng.randint(0, 59):02}Z"
        document.id = (
            f"{PREFIX.sub('-', site.host.removesuffix('.example'))}-{number:05}" if rng.random() > 0.01 else None
        )
        language = document.passages[0].language
        if language != "en":
            region = f"{language}-{language.upper()}" if language in ("de", "fr", "es", "pl") else language
            document.language = rng.choice([language, region, None])
        else:
            document.language = rng.choice(["en", "en-GB", "eng"]) if rng.random() < 0.04 else None
    for site_host in sorted({d.site.host for d in documents}):  # some ids stand twice
        own = [d for d in documents if d.site.host == site_host]
        if len(own) > 100:
            for document in rng.sample(own[1:], 3):
                document.id = own[0].id


def compose(source: Path = HERE / "source") -> Sample:
    """The folder `source` -> the corpus."""
    rng = Random(SEED)
    listed = tomllib.loads((source / "sites.toml").read_text("utf-8"))["site"]
    sites = [Site(**s | {"years": tuple(s["years"])}) for s in listed]
    composer = Composer(json.loads((source / "bank.json").read_text("utf-8")), rng)
    hand = [(r["bank"], _written(r, "hand")) for r in _lines(source / "passages.jsonl")]
    foreign = [(r["bank"], _written(r, "foreign")) for r in _lines(source / "foreign.jsonl")]
    share: dict[str, list[Passage]] = {site.host: [] for site in sites}
    strangers: dict[str, list[Passage]] = {site.host: [] for site in sites}
    for name in composer.bank:
        own = [site for site in sites if site.sentences == name]
        for into, passages, telling in (
            (share, [p for bank, p in hand if bank == name], True),
            (share, [p for bank, p in hand if bank == name], False),
            (strangers, [p for bank, p in foreign if bank == name], True),
            (strangers, [p for bank, p in foreign if bank == name], False),
        ):
            chosen = [p for p in passages if p.narrative == telling]
            weights = [site.narrative if telling else site.written or 1 for site in own]
            if chosen:
                for host, dealt in _deal(rng, chosen, own, weights).items():
                    into[host] += dealt
    documents = [
        d for site in sites for d in _site_documents(rng, site, share[site.host], strangers[site.host], composer)
    ]
    _copy(rng, documents)
    rng.shuffle(documents)
    _describe(rng, documents)
    sample = Sample(documents)
    check(sample)
    return sample


def check(sample: Sample) -> None:
    """Every paragraph is one passage by the default sizes."""
    sizes = PassageConfig()
    for document in sample.documents:
        text = document.text
        found = [text[start:end] for start, end in split(text, sizes)]
        if found != [p.text for p in document.passages]:
            raise ValueError(f"{document.url} is not cut at its paragraphs")


_SCHEMA = pa.schema([(name, pa.string()) for name in ("id", "text", "url", "date", "language", "site_kind")])


def _page(document: Document) -> dict[str, str | None]:
    return {
        "id": document.id,
        "text": document.text,
        "url": document.url,
        "date": document.date,
        "language": document.language,
        "site_kind": document.site.kind,
    }


def _post(document: Document) -> bytes:
    metadata = {"url": document.url, "date": document.date, "site_kind": document.site.kind}
    if document.language:
        metadata["language"] = document.language
    return _json({"id": document.id, "text": document.text, "metadata": metadata})


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _broken(kind: str) -> dict[str, bytes]:
    """What a crawl leaves behind: records that are no documents, or documents with no text."""
    about = {"url": "https://lanternwood.example/works/0/chapters/0", "date": "2011-04-02T08:00:00Z", "site_kind": kind}
    return {
        "bad JSON": b'{"id": "lanternwood-cut", "text": "The lamplighter had reached the last post when',
        "no object": _json(["lanternwood-list", "a list is not a record"]),
        "no text": _json({"id": "lanternwood-untold", "metadata": about}),
        "text null": _json({"id": "lanternwood-null", "text": None, "metadata": about}),
        "text empty": _json({"id": "lanternwood-empty", "text": "", "metadata": about}),
        "text a number": _json({"id": "lanternwood-number", "text": 1847, "metadata": about}),
    }


def write(sample: Sample, folder: Path) -> None:
    """The corpus -> pages/*.parquet, posts/*.jsonl.zst and truth.jsonl.zst in `folder`."""
    pages = [_page(d) for d in sample.documents if d.site.dataset == "pages"]
    posts = [_post(d) for d in sample.documents if d.site.dataset == "posts"]
    for at, text in ((40, ""), (400, "  \n\n "), (700, None), (980, "")):  # empty documents
        last = pages[at]
        pages.insert(at, last | {"id": f"{last['id']}-empty", "text": text, "url": f"{last['url']}#empty"})
    for number, record in enumerate(_broken("story archive").values()):
        posts.insert(30 + 97 * number, record)
    (folder / "pages").mkdir(parents=True, exist_ok=True)
    (folder / "posts").mkdir(parents=True, exist_ok=True)
    for shard in range(SHARDS):
        name = f"part-{shard:05}"
        table = pa.Table.from_pylist(pages[_part(len(pages), shard)], schema=_SCHEMA)
        path = folder / "pages" / f"{name}.parquet"
        pq.write_table(table, path, compression="zstd", compression_level=15, row_group_size=150)
        _write_lines(folder / "posts" / f"{name}.jsonl.zst", posts[_part(len(posts), shard)])
    lines = sorted((p.truth for p in sample.distinct.values()), key=lambda line: str(line["sha256"]))
    _write_lines(folder / "truth.jsonl.zst", (_json(line) for line in lines))


def _part(total: int, shard: int) -> slice:
    return slice(total * shard // SHARDS, total * (shard + 1) // SHARDS)


def _write_lines(path: Path, lines: Iterable[bytes]) -> None:
    path.write_bytes(zstandard.ZstdCompressor(level=19).compress(b"".join(line + b"\n" for line in lines)))


def counts(sample: Sample) -> dict[str, Any]:
    """What the README and the tests say of the corpus; the gate's part moves with the lexicon."""
    gate = Gate(load_lexicon(PACKS / "ai_self_preservation" / "lexicon.toml"))
    documents = sample.documents
    hits = gate.hits(join(pa.array([d.text for d in documents], pa.large_string()))).tolist()
    opened = [p for d, hit in zip(documents, hits, strict=True) if hit for p in d.passages]
    named = gate.hits(join(pa.array([p.text for p in opened], pa.large_string()))).tolist()
    passages, texts = sample.passages, Counter(p.text for p in sample.passages)
    narrative = [p for p in passages if p.narrative]
    by_site: dict[str, Counter[str]] = {}
    for d in documents:
        of = by_site.setdefault(d.site.host, Counter(documents=0, passages=0, narrative=0, hand=0))
        of.update(documents=1, passages=len(d.passages))
        of.update(narrative=sum(p.narrative for p in d.passages), hand=sum(p.origin == "hand" for p in d.passages))
    missed = [p for d, hit in zip(documents, hits, strict=True) if not hit for p in d.passages]
    return {
        "documents": len(documents),
        "passages": len(passages),
        "distinct passages": len(texts),
        "copies of passages": len(passages) - len(texts),
        "copies of documents": len(documents) - len({d.text for d in documents}),
        "narrative": len(narrative),
        "narrative share": round(len(narrative) / len(passages), 4),
        "foreign documents": sum(d.passages[0].language != "en" for d in documents),
        "tool documents": sum(any(p.origin == "composed" and p.agent == "tool" for p in d.passages) for d in documents),
        "gate hits": sum(hits),
        "passages in hit documents": len(opened),
        "passages with a phrase": sum(named),
        "narrative outside hit documents": sum(p.narrative for p in missed),
        "encoded by the demo, about": round(sum(named) + 0.5 * (len(opened) - sum(named)) + 0.08 * len(missed)),
        "kinds": dict(Counter(d.site.kind for d in documents).most_common()),
        "sites": dict(sorted(by_site.items(), key=lambda of: -of[1]["documents"])),
    }


def main() -> None:
    """Build into the folder named on the command line, or beside this file, and print the counts."""
    sample = compose()
    write(sample, Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
    for name, value in counts(sample).items():
        if isinstance(value, dict):
            print(f"{name}:")
            for key, of in value.items():
                print(f"  {key:34} {of if isinstance(of, int) else '  '.join(f'{n} {v}' for n, v in of.items())}")
        else:
            print(f"{name}: {value}")


if __name__ == "__main__":
    main()
