"""The page itself: its parts put together as one file of HTML, and what a browser lets it do."""

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import NamedTuple

_SCRIPTS = (
    "making.js",
    "asking.js",
    "log.js",
    "inspector.js",
    "reading.js",
    "copies.js",
    "trying.js",
    "panels.js",
    "main.js",
)


class Document(NamedTuple):
    """A page, and the HTTP headers that it comes with."""

    content: bytes
    headers: dict[str, str]


@cache
def document() -> Document:
    """Return the page. It asks for nothing but what the service has, so that it works without a network."""
    style = _part("page.css")
    script = "(() => {\n'use strict';\n" + "\n".join(_part(name) for name in _SCRIPTS) + "})();\n"
    content = _part("page.html").replace("{style}", style).replace("{script}", script)
    # Style and script are named by their hashes, so that no other can be added, whatever a call contains.
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src blob: data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    headers = {
        "content-security-policy": policy,
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        # A newer service comes with a newer page.
        "cache-control": "no-cache",
    }
    return Document(content.encode(), headers)


def _part(name: str) -> str:
    return files("vision_grpc.local.page").joinpath("parts", name).read_text("utf-8")


def _hash(content: str) -> str:
    return f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'"
