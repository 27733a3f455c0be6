"""What is known of an image before it is sent: it has to agree with what reading the image ends with."""

import io
import os
from functools import partial
from pathlib import Path

import pytest
from images_in_bytes import png
from PIL import Image as Picture

from vision_grpc.config import Limits
from vision_grpc.errors import Code
from vision_grpc.results import ImageError
from vision_grpc.sources.files import read_file, read_image
from vision_grpc.sources.fit import prepare
from vision_grpc.sources.image import Rejection
from vision_grpc.sources.item import Item, unreadable
from vision_grpc.sources.options import SourceOptions
from vision_grpc.sources.places.opening import open_path
from vision_grpc.sources.preview import TOO_LARGE, preview

LIMITS = Limits(content_bytes=60_000, pixels=10_000)


def picture(form: str, size: tuple[int, int] = (20, 20), **options: object) -> bytes:
    file = io.BytesIO()
    Picture.new("L", size).save(file, form, **options)
    return file.getvalue()


CONTENTS = {
    "good.png": png(1),
    "good.jpg": picture("JPEG"),
    "long.jpg": picture("JPEG", exif=b"Exif\0\0" + bytes(40_000)),
    "empty.png": b"",
    "text.png": b"no image at all",
    "page.jpg": b"<html><body>404</body></html>",
    "base64.png": b"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=",
    "webp.jpg": picture("WEBP"),
    "scan.bmp": picture("BMP"),
    "tiff.png": picture("TIFF"),
    "pdf.png": b"%PDF-1.7\n",
    "photoshop.png": b"8BPS\0\1",
    "wide.png": picture("PNG", (200, 200)),
    "wide.jpg": picture("JPEG", (200, 200)),
    # Where the size stands behind the bytes that are looked at first.
    "late.jpg": picture("JPEG", (200, 200), exif=b"Exif\0\0" + bytes(40_000)),
    "heavy.png": picture("PNG") + bytes(80_000),
    "cut.jpg": b"\xff\xd8\xff",
    "cut.png": b"\x89PNG\r\n\x1a\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in CONTENTS.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "broken.png").symlink_to("nowhere")
    (tmp_path / "loop.png").symlink_to("loop.png")
    return tmp_path


NAMES = [*CONTENTS, "broken.png", "loop.png", "missing.png"]


def item_of(path: Path) -> Item:
    return Item(str(path), partial(read_file, str(path)), path=str(path))


@pytest.mark.parametrize("name", NAMES)
def test_the_errors_are_those_of_the_run(name: str, folder: Path) -> None:
    item = item_of(folder / name)
    read = read_image(item, 0, LIMITS)
    assert preview(item, LIMITS, fits=False).error == (read.error if isinstance(read, Rejection) else None)


@pytest.mark.parametrize("name", NAMES)
def test_the_errors_are_those_of_fitting(name: str, folder: Path) -> None:
    item = item_of(folder / name)
    read = prepare(item, LIMITS)
    seen = preview(item, LIMITS, fits=True)
    assert seen.error == (read if isinstance(read, ImageError) else None)
    if not isinstance(read, ImageError):
        assert (seen.fitted is None) == read.change.is_unchanged


def test_what_is_fitted_is_counted_by_its_kind(folder: Path) -> None:
    kinds = {name: preview(item_of(folder / name), LIMITS, fits=True).fitted for name in CONTENTS}
    assert {name: kind for name, kind in kinds.items() if kind} == {
        "webp.jpg": "WebP",
        "scan.bmp": ".bmp",
        "tiff.png": "TIFF",
        "wide.png": TOO_LARGE,
        "wide.jpg": TOO_LARGE,
        "late.jpg": TOO_LARGE,
        "heavy.png": TOO_LARGE,
    }


def never(_: Limits) -> bytes:
    raise AssertionError


@pytest.mark.parametrize("fits", [False, True])
def test_what_is_no_file_is_not_read(tmp_path: Path, *, fits: bool) -> None:
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    assert preview(Item(str(pipe), never, path=str(pipe)), LIMITS, fits=fits) == (None, None, None)
    assert preview(Item("a/b", never, is_passing=True), LIMITS, fits=fits) == (None, None, None)
    assert preview(Item("a/b", never, 500), LIMITS, fits=fits) == (500, None, None)
    error = preview(Item("a/b", never, 0), LIMITS, fits=fits).error
    assert error is not None
    assert "the file is empty" in error.message


def test_the_size_of_a_member_says_whether_it_is_too_large() -> None:
    member = Item("a/b", never, 70_000)
    error = preview(member, LIMITS, fits=False).error
    assert error is not None
    assert "70,000 bytes" in error.message
    assert preview(member, LIMITS, fits=True) == (70_000, None, TOO_LARGE)
    assert preview(Item("a/b.webp", never, 70_000), LIMITS, fits=True).fitted == ".webp"


def test_an_error_that_is_known_is_said() -> None:
    error = ImageError(Code.INVALID_ARGUMENT, "x: damaged")
    item = unreadable("x", error)
    assert preview(item, LIMITS, fits=True).error is item.read(LIMITS) is error


def test_pipes_in_a_folder_are_known_not_to_be_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (item,) = open_path(str(tmp_path), SourceOptions())
    assert isinstance(item, Item)
    error = preview(item, LIMITS, fits=False).error
    assert error is not None
    assert error == item.read(LIMITS)
