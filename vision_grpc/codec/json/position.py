"""The position of an error in a JSON text, for errors that the parser reports without one.

Each search goes once through a text that is valid up to the error, and keeps only a few numbers for each open
bracket. Positions count characters, as those of Python's parser do.
"""

import json
import re
from collections.abc import Iterator

# Each begins with a different character, so that the text between them is skipped quickly.
_TOKEN = re.compile(r'\\.|"|\{|\}|\[|\]|NaN|Infinity|-Infinity', re.DOTALL)
_COLON = re.compile(r"[ \t\r\n]*:")
_SURROGATE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|(?P<lone>\\u[dD][89a-fA-F][0-9a-fA-F]{2}|[\ud800-\udfff])"
    r"|\\.",
    re.DOTALL,
)
_TWICE = 2


def deep_bracket(text: str, deepest: int) -> int:
    """Return the position of the first bracket within more than `deepest` others and itself.

    If there is none, because the caller's stack was too deep, it is the position of the innermost bracket.
    """
    depth = most = position = 0
    for start, _ in _tokens(text):
        if text[start] in "{[":
            depth += 1
            if depth > most:
                most, position = depth, start
            if depth > deepest:
                break
        elif text[start] in "}]":
            depth -= 1
    return position


def bare_constant(text: str, name: str) -> int:
    """Return the position of the first constant of that name outside strings."""
    return next(start for start, _ in _tokens(text) if text.startswith(name, start))


def lone_surrogate(text: str) -> int:
    """Return the position of the first surrogate without its other half, escaped or not."""
    return next(match.start() for match in _SURROGATE.finditer(text) if match["lone"])


def second_key(text: str, key: str) -> int:
    """Return where a key is given again in the first object to end that has it twice."""
    plain = json.dumps(key, ensure_ascii=False)
    keys_within: list[list[int]] = []
    for start, end in _tokens(text):
        if text[start] in "{[":
            keys_within.append([])
        elif text[start] in "}]":
            keys = keys_within.pop()
            if len(keys) == _TWICE:
                return keys[-1]
        elif len(keys_within[-1]) < _TWICE and _spells(text, start, end, plain) and _COLON.match(text, end):
            keys_within[-1].append(start)
    raise ValueError(key)


def _spells(text: str, start: int, end: int, plain: str) -> bool:
    """Whether the string from start to end equals a string without needless escapes."""
    if text.find("\\", start, end) < 0:
        return end - start == len(plain) and text.startswith(plain, start)
    return json.dumps(json.loads(text[start:end]), ensure_ascii=False) == plain


def _tokens(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each string, bracket and bare constant."""
    opening = None
    for match in _TOKEN.finditer(text):
        if match[0] == '"':
            if opening is None:
                opening = match.start()
            else:
                yield opening, match.end()
                opening = None
        elif opening is None:
            yield match.span()
