"""The scanned pages of data/pages, with what is written on them."""

import json
from pathlib import Path
from typing import NamedTuple

import pytest

FOLDER = Path(__file__).parent / "data" / "pages"


class ScannedPage(NamedTuple):
    """An image of a page and its text."""

    path: Path
    language_codes: list[str]
    text: str


@pytest.fixture(scope="session")
def pages() -> dict[str, ScannedPage]:
    """The pages by file name without its suffix: en_sans, ru_sans, mixed_sans."""
    manifest = json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))
    scanned = [ScannedPage(FOLDER / entry["file"], entry["language_codes"], entry["text"]) for entry in manifest]
    return {page.path.stem: page for page in scanned}
