from itertools import pairwise

import pytest
from hostile_results import HOSTILE, keys, page_of, read, result_of, texts
from hypothesis import given
from hypothesis import strategies as st
from journaled import failed
from markdown_it import MarkdownIt
from markdown_it.token import Token

from vision_grpc import exports
from vision_grpc.exports.tables.cells import clean_line, clean_text
from vision_grpc.results.each import Results

_PLAIN = {"paragraph_open", "paragraph_close", "inline", "text", "hardbreak", "text_special"}
_HEADINGS = {"heading_open", "heading_close"}


def _markdown(results: Results) -> str:
    return b"".join(exports.markdown(results)).decode()


def _parse(markdown: str) -> list[Token]:
    # The tables and the strikethrough of GitHub's, too.
    return MarkdownIt("gfm-like", {"linkify": False}).parse(markdown)


def _shown(token: Token) -> str:
    return "".join("\n" if each.type == "hardbreak" else each.content for each in token.children or [])


def _paragraphs(tokens: list[Token]) -> list[str]:
    return [_shown(token) for before, token in pairwise(tokens) if before.type == "paragraph_open"]


def _types(tokens: list[Token]) -> set[str]:
    return {each.type for token in tokens for each in (token, *(token.children or []))}


def test_blocks_are_paragraphs_and_lines_stay_lines() -> None:
    result = result_of("a.png", page_of([["one", "two"], ["three"]], [["four"]]))
    assert _markdown(result) == "one two\\\nthree\n\nfour\n"


def test_headings_name_the_images_where_there_are_several() -> None:
    results = [read("scans/a_b.png", "one"), failed("x.png"), read("b\n.png"), read("c*.png", "two")]
    assert _markdown(results) == "## scans/a\\_b.png\n\none\n\n## b .png\n\n## c\\*.png\n\ntwo\n"
    assert _markdown([read("a.png", "one"), failed("x.png")]) == "one\n"
    assert _markdown([failed("x.png")]) == ""


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_reads_as_text(text: str) -> None:
    _check([text])


@given(st.lists(texts, min_size=1, max_size=4))
def test_any_text_reads_as_text(lines: list[str]) -> None:
    _check(lines)


def _check(lines: list[str]) -> None:
    tokens = _parse(_markdown(result_of("a.png", page_of(*([[line]] for line in lines), [[line] for line in lines]))))
    assert _types(tokens) <= _PLAIN
    parts = [part for text in "\n\n".join([*lines, "\n".join(lines)]).split("\n\n") if (part := _as_read(text))]
    assert _paragraphs(tokens) == parts


def _as_read(text: str) -> str:
    lines = [clean_line(line).strip() for line in clean_text(text).split("\n")]
    return "\n".join(filter(None, lines))


@given(keys)
def test_any_key_is_a_heading(key: str) -> None:
    tokens = _parse(_markdown([read(key, "one"), read("b.png", "two")]))
    assert _types(tokens) <= _PLAIN | _HEADINGS
    assert [token.type for token in tokens].count("heading_open") == 2
