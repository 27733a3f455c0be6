"""What messages quote: of paths and addresses that were given, never what may be a secret instead."""

import os
import re

# Keys, tokens and passwords are pasted where their files or services should be named.
_NO_NAME = re.compile(r"[{\r\n]|-----BEGIN|^\s*(?:\w+://)?(?:t1\.|y[0-3]_|AQVN|eyJ)|^\s*(?![/~.])[\w+/=-]{60,}\s*$")
_LONGEST = 255
_USER = re.compile(r"^(\s*\w+://)?.*@", re.DOTALL)
_QUERY = re.compile(r"[?#].+", re.DOTALL)
_EXCERPT = 80


def quote_peer(text: str) -> str:
    """Return what another machine said between quotation marks: its beginning, and nothing that a terminal obeys."""
    return repr(text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}...")


def quote_path(path: str | os.PathLike[str]) -> str:
    """Return a path as it is; of what does not look like one, no more than that."""
    text = os.fspath(path)
    if _NO_NAME.search(text) or len(text) > _LONGEST:
        return f"<{len(text)} characters that look like no path>"
    return text


def quote_endpoint(text: str) -> str:
    """Return an address between quotation marks, without the user, password and query in it."""
    if _NO_NAME.search(text) or len(text) > _LONGEST:
        return f"<{len(text)} characters that look like no address>"
    return repr(_QUERY.sub("?...", _USER.sub(r"\1...@", text)))
