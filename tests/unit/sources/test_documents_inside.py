"""Documents that no suffix names, and those inside other containers."""

import io
import sys
import tarfile
from collections.abc import Sequence
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from documents import PdfPage, make_pdf, make_tiff, text
from images_in_bytes import png
from PIL import Image

from vision_grpc.results import ImageError
from vision_grpc.sources.fit import Fitted, prepare
from vision_grpc.sources.item import Entry, Item, Skipped
from vision_grpc.sources.options import SourceOptions
from vision_grpc.sources.places.opening import open_places

_OPTIONS = SourceOptions(fit=True)
_PDF = make_pdf([PdfPage(), PdfPage()])
_TIFF = make_tiff([Image.new("L", (9, 9)), Image.new("L", (9, 9))])
_PAGES = ("#page=1", "#page=2")


def entries(place: str, options: SourceOptions = _OPTIONS) -> list[Entry]:
    return list(open_places([place], options))


def read(found: Sequence[Entry]) -> list[str]:
    """Return the keys of images, all of which can be read."""
    keys = []
    for entry in found:
        assert isinstance(entry, Item), entry
        fitted = prepare(entry)
        assert isinstance(fitted, Fitted), fitted
        keys.append(entry.key)
    return keys


@pytest.mark.parametrize("content", [_PDF, _TIFF], ids=["pdf", "tiff"])
@pytest.mark.parametrize("name", ["scan", "scan.0001", "scan.bak"])
def test_a_document_that_is_named_is_opened_whatever_its_suffix(name: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert read(entries(str(path))) == [f"{path}{page}" for page in _PAGES]
    assert [entry.key for entry in entries(str(path), SourceOptions()) if isinstance(entry, Item)] == [str(path)]


def test_a_document_that_is_called_a_jpeg_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "scan.jpg"
    path.write_bytes(_PDF)
    (entry,) = entries(str(path))
    assert isinstance(entry, Item)
    error = prepare(entry)
    assert isinstance(error, ImageError)
    assert "the file is a PDF, which is read as .pdf alone: rename it" in error.message


@pytest.mark.parametrize(("content", "pages"), [(_PDF, _PAGES), (_TIFF, _PAGES), (png(0), ("",))])
def test_a_document_on_stdin_is_opened(content: bytes, pages: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(content)))
    assert read(entries("-")) == [f"-{page}" for page in pages]


def test_a_closed_stdin_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    (entry,) = entries("-")
    assert isinstance(entry, Item)
    assert isinstance(prepare(entry), ImageError)


def test_documents_in_tar_files_are_opened(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as file:
        for name, content in (("1.pdf", _PDF), ("2.tif", _TIFF), ("3.png", png(3))):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    # Images in a tar file can be read until the next one is asked for.
    keys = [key for entry in open_places([str(path)], _OPTIONS) for key in read([entry])]
    assert keys == ["1#page=1", "1#page=2", "2#page=1", "2#page=2", "3"]
    found = entries(str(path))
    names = ["1.pdf#page=1", "1.pdf#page=2", "2.tif#page=1", "2.tif#page=2", "3.png"]
    assert [entry.place for entry in found if isinstance(entry, Item)] == [f"{path}#{name}" for name in names]
    assert [entry.held_bytes for entry in found if isinstance(entry, Item)] == [len(_PDF), 0, len(_TIFF), 0, 0]


def test_a_folder_whose_pages_are_all_left_out_on_request_lacks_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(make_pdf([PdfPage(text("A page that was written."))]))
    (page,) = entries(str(tmp_path), SourceOptions(fit=True, skip_text=True))
    assert isinstance(page, Skipped)
    assert page.is_wished


def test_documents_in_parquet_files_are_opened(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    rows = {"image": [_PDF, png(1), _TIFF, b""]}
    pq.write_table(pa.table(rows), path)
    *found, _ = entries(str(path))
    expected = [f"{path}#row=0{page}" for page in _PAGES] + [f"{path}#row=1"]
    assert read(found) == expected + [f"{path}#row=2{page}" for page in _PAGES]
    assert len(entries(str(path), SourceOptions())) == 4
