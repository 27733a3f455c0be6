"""The page of a report: its files put together, and data in it that nothing takes for markup."""

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files

import msgspec

_SCRIPTS = ("entries.js", "choice.js", "overview.js", "list.js", "detail.js", "main.js")
_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Cpath fill='%23faf8f3' stroke='%23221f1a' d='M3 1.5h10v13H3z'/%3E"
    "%3Cpath stroke='%23b3391f' stroke-width='2' d='M5 6h6M5 9h4'/%3E%3C/svg%3E"
)

_encode = msgspec.json.Encoder().encode


def beginning() -> bytes:
    """Return the page up to its data."""
    style, body = _file("page.css"), _file("page.html")
    # What the page itself would have is named by its hash, so that no other script and no address can be added.
    policy = (
        f"default-src 'none'; script-src {_hash(_script())}; style-src {_hash(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f'<title>Text recognition report</title>\n<link rel="icon" href="{_ICON}">\n'
        f"<style>{style}</style>\n</head>\n{body}"
    ).encode()


def data(kind: str, value: object) -> bytes:
    """Return a block of JSON, which no browser runs."""
    # In JSON, `<` is within strings alone. Without it, no text can end the block, nor begin a comment or a script.
    return _block(kind, _encode(value).replace(b"<", rb"\u003c"))


def picture(url: bytes) -> bytes:
    """Return the block of a picture, which is a data URL in base64, or empty."""
    return _block("picture", url)


def end() -> bytes:
    """Return what comes after the data."""
    return f"<script>{_script()}</script>\n</body>\n</html>\n".encode()


def _block(kind: str, content: bytes) -> bytes:
    return b'<script type="application/json" data-kind="%b">%b</script>\n' % (kind.encode(), content)


@cache
def _script() -> str:
    return "(() => {\n'use strict';\n" + "\n".join(_file(name) for name in _SCRIPTS) + "})();\n"


@cache
def _file(name: str) -> str:
    return files("vision_grpc.exports.reports").joinpath("page", name).read_text("utf-8")


def _hash(content: str) -> str:
    return f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'"
