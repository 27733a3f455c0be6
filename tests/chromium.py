"""Chromium, as tests look at pages."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_CHROMIUM = "/usr/bin/chromium"
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

needs_chromium = pytest.mark.skipif(
    not Path(_CHROMIUM).exists(), reason=f"{_CHROMIUM} is not installed: apt install chromium"
)


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """A browser for the tests of one file. While it is open, no other loop can run in the thread."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=_FLAGS)
        yield browser
        browser.close()


class Opened(NamedTuple):
    """A page, and what its console says, and what it asked for outside the addresses that it may."""

    page: "Page"
    complaints: list[str]


def watch(page: "Page", *, is_own: Callable[[str], bool]) -> Opened:
    """Return the page with its complaints from now on; `is_own` says which addresses it may ask for."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(f"dialog {dialog.message}"))
    page.on("request", lambda request: None if is_own(request.url) else complaints.append(request.url))
    return Opened(page, complaints)
