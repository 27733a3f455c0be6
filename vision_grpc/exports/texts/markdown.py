r"""Markdown (CommonMark, and the tables of GitHub's) that reads as the texts do: nothing in a text is markup.

Blocks are paragraphs, and lines stay lines. A heading names an image where there are several. What ocr/v1 gives as
Markdown stays as it is.
"""

import re
from collections.abc import Iterator
from itertools import chain, islice

from vision_grpc.exports.results import each_read, said
from vision_grpc.exports.tables.cells import clean_line, clean_text
from vision_grpc.results.each import Results

# A backslash before any ASCII punctuation is that character (CommonMark 2.4). These mean something within a line.
_INLINE = re.compile(r"[\\`*_\[\]<>&~|$]")
# These do at its beginning: headings, lists, underlines of headings, rules, fences.
_AT_START = re.compile(r"[#+=-]|:(?=[-|: ])")
_NUMBER = re.compile(r"(\d{1,9})([.)])")


def markdown(results: Results) -> Iterator[bytes]:
    """Yield the texts as Markdown, each under a heading with its key if there are several."""
    pulled = each_read(results)
    first = [*islice(pulled, 2)]
    has_headings = len(first) > 1
    gap = ""
    for result in chain(first, pulled):
        own = said(result, "markdown", _as_markdown)
        parts = [_as_markdown(result.text) if own is None else clean_text(own).strip("\n")]
        if has_headings:
            parts.insert(0, f"## {_escape(clean_line(result.key))}")
        if any(parts):
            yield (gap + "\n\n".join(filter(None, parts)) + "\n").encode()
            gap = "\n"


def _as_markdown(text: str) -> str:
    return "\n\n".join(_paragraphs(text))


def _paragraphs(text: str) -> Iterator[str]:
    for block in clean_text(text).split("\n\n"):
        lines = [_escape_line(line) for part in block.split("\n") if (line := clean_line(part).strip())]
        if lines:
            # A backslash at the end of a line breaks it.
            yield "\\\n".join(lines)


def _escape_line(line: str) -> str:
    escaped = _escape(line)
    if _AT_START.match(escaped):
        return f"\\{escaped}"
    return _NUMBER.sub(r"\1\\\2", escaped, count=1) if _NUMBER.match(escaped) else escaped


def _escape(text: str) -> str:
    return _INLINE.sub(r"\\\g<0>", text)
