"""The configuration of the `yc` command line tool, as far as that tool writes YAML.

It has nested mappings with plain scalars, quoted scalars and block texts (`|`). Anything else is
refused, with the number of its line. So no general YAML parser is needed as a dependency.
"""

import json
import re
from collections.abc import Sequence
from typing import NamedTuple

Tree = dict[str, "str | Tree"]

_ENTRY = re.compile(r"""(?P<key>"[^"]*"|'[^']*'|[^\s"'#\[\]{}&*!|>%@`,?:-][^#:]*?)\s*:(?:\s+(?P<value>.*))?$""")
_BLOCK = re.compile(r"[|>](?P<chomp>[+-]?)(?:\s+#.*)?$")
# Flow collections, anchors, aliases and tags: the tool writes none of them.
_FOREIGN = tuple("[{&*!%@`")


class _Line(NamedTuple):
    number: int
    indent: int
    text: str


def read_yc_config(text: str) -> Tree:
    """Return a configuration as a tree in which every scalar is text.

    Raises:
        ValueError: the text has a form that the tool does not write; the message names the line and does not quote it.
    """
    lines = [_Line(number, len(raw) - len(raw.lstrip(" ")), raw.strip()) for number, raw in _numbered(text)]
    tree, end = _read_mapping(lines, 0, 0)
    if end < len(lines):
        raise _odd(lines[end])
    return tree


def _numbered(text: str) -> list[tuple[int, str]]:
    return [(number, raw.rstrip()) for number, raw in enumerate(text.splitlines(), start=1) if raw.rstrip() != "---"]


def _read_mapping(lines: Sequence[_Line], at: int, indent: int) -> tuple[Tree, int]:
    tree: Tree = {}
    while at < len(lines):
        line = lines[at]
        if not line.text or line.text.startswith("#"):
            at += 1
            continue
        if line.indent < indent:
            break
        entry = _ENTRY.match(line.text)
        if line.indent > indent or entry is None:
            raise _odd(line)
        key, value = _unquote(entry["key"], line), (entry["value"] or "").strip()
        if block := _BLOCK.match(value):
            tree[key], at = _read_block(lines, at + 1, indent, folded=value.startswith(">"), chomp=block["chomp"])
        elif value and not value.startswith("#"):
            tree[key], at = _unquote(value, line), at + 1
        else:
            tree[key], at = _read_nested(lines, at + 1, indent)
    return tree, at


def _read_nested(lines: Sequence[_Line], at: int, indent: int) -> "tuple[str | Tree, int]":
    inner = next((line for line in lines[at:] if line.text and not line.text.startswith("#")), None)
    if inner is None or inner.indent <= indent:
        return "", at
    return _read_mapping(lines, at, inner.indent)


def _read_block(lines: Sequence[_Line], at: int, indent: int, *, folded: bool, chomp: str) -> tuple[str, int]:
    block: list[str] = []
    while at < len(lines) and (not lines[at].text or lines[at].indent > indent):
        block.append(lines[at].text)
        at += 1
    text = (" " if folded else "\n").join(block).rstrip("\n")
    return text if chomp == "-" else f"{text}\n", at


def _unquote(scalar: str, line: _Line) -> str:
    if scalar.startswith('"'):
        try:
            # The escapes that the tool writes are those of JSON.
            text, end = json.JSONDecoder().raw_decode(scalar)
        except ValueError:
            raise _odd(line) from None
        return _complete(str(text), scalar[end:], line)
    if scalar.startswith("'"):
        quoted = re.match(r"'((?:[^']|'')*)'", scalar)
        if quoted is None:
            raise _odd(line)
        return _complete(quoted[1].replace("''", "'"), scalar[quoted.end() :], line)
    if scalar.startswith(_FOREIGN):
        raise _odd(line)
    return re.split(r"\s#", scalar, maxsplit=1)[0].rstrip()


def _complete(text: str, rest: str, line: _Line) -> str:
    if rest.strip() and not rest.lstrip().startswith("#"):
        raise _odd(line)
    return text


def _odd(line: _Line) -> ValueError:
    return ValueError(f"line {line.number} is not in the form that yc writes")
