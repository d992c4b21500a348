"""Opened documents -> passages (start, end, text, n_words): about 80 to 180 words, whole paragraphs where they fit.

Cutting at the last sentence or line end before a window's end is ten times cheaper than splitting into sentences first.
Every character that is not white space is in exactly one passage.
"""

from __future__ import annotations

from collections.abc import Iterator

from corpus_tools.config import PassageConfig

_PARAGRAPH_ENDS = ("\n\n", "\n\r\n")
_SENTENCE_ENDS = (". ", ".\n", "? ", "! ", '." ', ".” ", ".) ", "。", "！", "？")


def split(text: str, sizes: PassageConfig) -> Iterator[tuple[int, int]]:
    """Text -> (start, end) of each passage, in characters, without white space at either edge; none for a text without words."""
    at, length = 0, len(text)
    while True:
        at = _skip_space(text, at)
        if at >= length:
            return
        end = _cut(text, at, length, sizes)
        stop = end
        while text[stop - 1].isspace():
            stop -= 1
        yield at, stop
        at = end


def _skip_space(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _cut(text: str, start: int, length: int, sizes: PassageConfig) -> int:
    """Where the passage that begins at `start` ends; always beyond `start`."""
    # The first paragraph's end after `least`.
    breaks = [text.find(mark, start + sizes.least, start + sizes.paragraph + len(mark)) for mark in _PARAGRAPH_ENDS]
    found = [at for at in breaks if at >= 0]
    if found:
        return min(found)
    left = length - start
    if left <= sizes.paragraph:
        return length
    # What is left after this cut should not be a stump: halve a remainder of less than two passages.
    most = min(sizes.most, max(sizes.least + 50, left // 2 + 50)) if left < 2 * sizes.most else sizes.most
    least = start + sizes.least // 2
    most = start + most
    end = max(text.rfind(mark, least, most) + len(mark) for mark in _SENTENCE_ENDS)
    if end > least:
        return end
    line = text.rfind("\n", least, most)
    if line > start:
        return line
    space = text.rfind(" ", least, most)
    return space if space > start else most
