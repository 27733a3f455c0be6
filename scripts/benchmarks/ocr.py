"""What the local service reads wrongly on pages of all kinds, and its CPU, before pictures were prepared and now."""

import argparse
import io
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from os import environ
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

from PIL import Image

from vision_grpc.local.ocr.tessdata import find_tessdata
from vision_grpc.local.ocr.tesseract_engine import TesseractEngine

from .meter import cpu_s
from .table import Row, report

_TESTS = Path(__file__).parents[2] / "tests"
sys.path.append(str(_TESTS))

from cer import character_error_rate, words_read  # noqa: E402 - its folder is not a package
from page_variants import VARIANTS, receipt, table  # noqa: E402


class Page(NamedTuple):
    """A picture and what is written on it."""

    picture: Image.Image
    languages: list[str]
    text: str


class Outcome(NamedTuple):
    """How one page was read in one way."""

    error_rate: float
    order_free: float
    missed: float
    cpu_s: float


def main(argv: Sequence[str]) -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="bench.py ocr", description=__doc__)
    parser.add_argument(
        "folders",
        nargs="*",
        type=Path,
        help="pages to read as they are: images and a manifest.json with file, language_codes and text of each; "
        "without any, variants of the pages of the tests",
    )
    parser.add_argument("--only", default="", help="the variants with this in their names")
    parser.add_argument("--json", metavar="FILE", help="- for standard output")
    options = parser.parse_args(argv)
    tessdata = find_tessdata(environ)
    engines = {"before": TesseractEngine(tessdata, prepare=False), "now": TesseractEngine(tessdata)}
    rows: list[Row] = []
    for name, pages in _folders(options.folders) if options.folders else _variants():
        if options.only in name:
            rows.append(_measure(name, pages, engines))
    report(rows, options.json)


def _variants() -> Iterator[tuple[str, list[Page]]]:
    clean = list(_pages_of(_TESTS / "data" / "pages"))
    for name, make in VARIANTS.items():
        yield name, [page._replace(picture=make(page.picture)) for page in clean]
    for name, drawn in (("receipt", receipt()), ("table", table())):
        yield name, [Page(drawn.picture, ["en"], drawn.text)]


def _folders(folders: Sequence[Path]) -> Iterator[tuple[str, list[Page]]]:
    for folder in folders:
        for entry, page in zip(_manifest(folder), _pages_of(folder), strict=True):
            yield entry["file"], [page]


def _pages_of(folder: Path) -> Iterator[Page]:
    for entry in _manifest(folder):
        picture = Image.open(folder / entry["file"])
        yield Page(picture.convert("RGB"), entry["language_codes"], entry["text"])


def _manifest(folder: Path) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return entries


def _measure(name: str, pages: Sequence[Page], engines: Mapping[str, TesseractEngine]) -> Row:
    """Return the means over some pages."""
    row: dict[str, str | float | None] = {"pages": name}
    spent: list[float] = []
    for way, engine in engines.items():
        outcomes = [_read(page, engine) for page in pages]
        row[f"wrong % {way}"] = 100 * mean(each.error_rate for each in outcomes)
        row[f"in any order % {way}"] = 100 * mean(each.order_free for each in outcomes)
        row[f"words missed % {way}"] = 100 * mean(each.missed for each in outcomes)
        spent.append(sum(each.cpu_s for each in outcomes))
    return row | {"CPU ratio": spent[1] / spent[0]}


def _read(page: Page, engine: TesseractEngine) -> Outcome:
    content = io.BytesIO()
    page.picture.save(content, "PNG")
    picture = engine.open(content.getvalue())
    started = cpu_s()
    annotation = picture.recognize(languages=page.languages, model="page", give_up=lambda: False)
    spent = cpu_s() - started
    words = [word.text for block in annotation.pages[0].blocks for line in block.lines for word in line.words]
    found = words_read(words, page.text.split())
    return Outcome(character_error_rate(" ".join(words), page.text), *found, spent)
