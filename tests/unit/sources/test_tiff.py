import struct
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pytest
from documents import make_tiff
from PIL import Image, ImageDraw

from vision_grpc.config import Limits
from vision_grpc.results import ImageError
from vision_grpc.sources.containers.tiff import open_tiff
from vision_grpc.sources.containers.tiff.directories import find_pages
from vision_grpc.sources.fit import Fitted, prepare
from vision_grpc.sources.item import PAGE_PAST_LIMIT, Entry, Fault, Item, Skipped
from vision_grpc.sources.options import SourceOptions

_OPTIONS = SourceOptions(fit=True)
_THUMBNAIL, _MASK = 1, 4
_COMPRESSIONS = (None, "packbits", "tiff_lzw", "tiff_adobe_deflate", "jpeg", "group3", "group4")
_MODES = ("1", "L", "P", "RGB", "RGBA", "CMYK", "I;16")


def page(number: int, mode: str = "L", size: tuple[int, int] = (160, 90)) -> Image.Image:
    picture = Image.new("L", size, 255)
    ImageDraw.Draw(picture).text((5, 5), f"page {number}", fill=0, font_size=30)
    return picture.convert(mode)


def entries(content: bytes, options: SourceOptions = _OPTIONS) -> list[Entry]:
    return list(open_tiff(content, "a.tif", options))


def names(found: Sequence[Entry]) -> list[str]:
    return [entry.key if isinstance(entry, Item) else entry.name for entry in found]


def pictures(found: Sequence[Entry]) -> list[Image.Image]:
    """Return the pages, as Pillow reads them from the files that they are made."""
    return [Image.open(BytesIO(content)) for content in map(read, found)]


def read(entry: Entry) -> bytes:
    assert isinstance(entry, Item), entry
    content = entry.read(Limits(content_bytes=10**8))
    assert isinstance(content, bytes), content
    return content


def message_of(entry: Entry) -> str:
    assert isinstance(entry, Item), entry
    error = prepare(entry)
    assert isinstance(error, ImageError), error
    return error.message


def offsets(content: bytes) -> list[int]:
    pages = find_pages(BytesIO(content))
    assert pages is not None
    return pages.offsets


def next_place(content: bytes | bytearray, directory: int) -> int:
    """Return where a directory of a small TIFF names the one that follows it."""
    return directory + 2 + 12 * int(struct.unpack_from("<H", content, directory)[0])


@pytest.mark.parametrize("big_tiff", [False, True], ids=["classic", "big"])
@pytest.mark.parametrize("compression", _COMPRESSIONS)
def test_each_page_is_a_file_of_its_own_with_the_same_pixels(compression: str | None, big_tiff: bool) -> None:  # noqa: FBT001 - a case
    tried = 0
    for mode in _MODES:
        try:
            content = make_tiff([page(number, mode) for number in range(3)], compression=compression, big_tiff=big_tiff)
        except OSError:
            continue  # libtiff does not know this compression for this mode.
        found = entries(content)
        assert names(found) == ["a.tif#page=1", "a.tif#page=2", "a.tif#page=3"]
        for number, picture in enumerate(pictures(found)):
            whole = Image.open(BytesIO(content))
            whole.seek(number)
            assert (picture.mode, getattr(picture, "n_frames", 0)) == (mode, 1)
            assert picture.tobytes() == whole.tobytes()
        tried += 1
    assert tried


def test_a_page_has_its_own_bytes_alone() -> None:
    content = make_tiff([Image.effect_noise((200, 200), 90) for _ in range(20)])
    assert all(len(read(entry)) < len(content) / 15 for entry in entries(content))


@pytest.mark.parametrize("content", [make_tiff([page(1)]), b"", b"II*\0", b"GIF89a", b"MM\0*" + b"\xff" * 100])
def test_one_page_or_no_tiff_at_all_keeps_its_path_and_its_content(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(content)
    (entry,) = open_tiff(str(path), str(path), _OPTIONS)
    assert isinstance(entry, Item)
    assert (entry.key, entry.path) == (str(path), str(path))
    assert read(entry) == content


def test_big_endian_files_are_read() -> None:
    little = make_tiff([page(1)])
    assert little.startswith(b"II")
    pixels = bytes(range(12))
    assert [
        picture.tobytes() for picture in pictures(entries(_by_hand(">", [(4, 3, pixels), (4, 3, pixels[::-1])])))
    ] == [
        pixels,
        pixels[::-1],
    ]


def test_tiles_are_read() -> None:
    tile = bytes(range(256))
    first, second = pictures(entries(_by_hand("<", [(16, 16, tile), (16, 16, tile[::-1])], is_tiled=True)))
    assert (first.tobytes(), second.tobytes()) == (tile, tile[::-1])


def test_thumbnails_and_masks_are_no_pages() -> None:
    small = (32, 18)
    content = make_tiff(
        [page(1), page(1, size=small), page(2), page(2, "1"), page(3)], kinds=[0, _THUMBNAIL, 2, _MASK, 0]
    )
    found = entries(content)
    assert names(found) == ["a.tif#page=1", "a.tif#page=2", "a.tif#page=3"]
    assert [picture.tobytes() for picture in pictures(found)] == [page(number).tobytes() for number in (1, 2, 3)]


def test_a_page_after_its_thumbnail_is_the_one_page() -> None:
    found = entries(make_tiff([page(1, size=(32, 18)), page(1)], kinds=[_THUMBNAIL, 0]))
    assert names(found) == ["a.tif"]
    assert pictures(found)[0].size == (160, 90)
    assert names(entries(make_tiff([page(1), page(1, size=(32, 18))], kinds=[0, _THUMBNAIL]))) == ["a.tif"]


def test_thumbnails_alone_are_pages() -> None:
    assert len(entries(make_tiff([page(1), page(2)], kinds=[_THUMBNAIL, _THUMBNAIL]))) == 2


def test_the_first_pages_are_read_and_the_others_counted() -> None:
    *pages, rest = entries(make_tiff([page(number) for number in range(5)]), SourceOptions(fit=True, max_pages=2))
    assert names(pages) == ["a.tif#page=1", "a.tif#page=2"]
    assert rest == Skipped("a.tif#page=3-5", PAGE_PAST_LIMIT, can_be_fitted=False, images=3, is_wished=True)


def test_a_list_of_pages_that_leads_back_ends() -> None:
    content = bytearray(make_tiff([page(number) for number in range(3)]))
    first, _, last = offsets(bytes(content))
    struct.pack_into("<I", content, next_place(content, last), first)
    *pages, fault = entries(bytes(content))
    assert len(pages) == 3
    assert isinstance(fault, Fault)
    assert "damaged after page 3" in fault.error.message


@pytest.mark.parametrize("place", [7, 10**9, 2**32 - 1])
def test_pages_before_a_damage_are_read(place: int) -> None:
    content = bytearray(make_tiff([page(number) for number in range(3)]))
    struct.pack_into("<I", content, next_place(content, offsets(bytes(content))[1]), place)
    *pages, fault = entries(bytes(content))
    assert [picture.tobytes() for picture in pictures(pages)] == [page(number).tobytes() for number in range(2)]
    assert isinstance(fault, Fault)
    assert "pages may be missing" in fault.error.message


def test_a_page_without_its_pixels_is_an_error_and_the_others_are_read() -> None:
    content = bytearray(make_tiff([page(number) for number in range(3)], compression="tiff_lzw"))
    second = offsets(bytes(content))[1]
    for entry in range(second + 2, next_place(content, second), 12):
        if struct.unpack_from("<H", content, entry)[0] in {273, 279}:
            struct.pack_into("<I", content, entry + 8, 2**31)
    results = [prepare(entry) for entry in entries(bytes(content)) if isinstance(entry, Item)]
    assert [isinstance(result, Fitted) for result in results] == [True, False, True]
    error = results[1]
    assert isinstance(error, ImageError)
    assert error.message.startswith("a.tif#page=2: ")


def test_a_page_over_the_limit_is_an_error() -> None:
    first, _ = entries(make_tiff([page(1), page(2)]))
    assert isinstance(first, Item)
    error = first.read(Limits(content_bytes=1_000))
    assert isinstance(error, ImageError)
    assert "the limit is 1,000" in error.message


def test_a_value_that_many_entries_have_counts_as_often() -> None:
    content = _with_long_values([40_000 + number for number in range(200)], size=60_000)
    assert len(content) < 100_000
    first, _ = entries(content)
    assert isinstance(first, Item)
    error = first.read(Limits(content_bytes=1_000_000))
    assert isinstance(error, ImageError)
    assert "the limit is 1,000,000" in error.message
    assert len(read(first)) > 200 * 60_000


@pytest.mark.parametrize(("tag", "is_kept"), [(320, True), (347, True), (34675, True), (270, False), (40_000, False)])
def test_long_values_that_decoding_does_not_need_are_left_out(tag: int, is_kept: bool) -> None:  # noqa: FBT001 - a case
    first, _ = entries(_with_long_values([tag], size=100_000))
    assert (len(read(first)) > 100_000) == is_kept


@pytest.mark.parametrize("tag", [254, 255])
def test_of_the_kind_of_a_picture_one_number_is_read(tag: int) -> None:
    file = _Counted(_with_long_values([tag], size=1_000_000))
    pages = find_pages(file)
    assert pages is not None
    assert len(pages.offsets) == 2
    assert file.count < 1_000


def test_a_page_of_millions_of_strips_is_an_error() -> None:
    content = _with_long_values([273, 279], size=8_000_000)
    assert "this page is damaged: tag 273 has 8,000,000 numbers" in message_of(entries(content)[0])


def test_directories_that_lie_over_one_another_end_the_list() -> None:
    # Each reaches up to its number of the places at the end, where it names the one that begins 28 bytes after it.
    count = 510
    places = range(8, 8 + 28 * count, 28)
    end = 8 + 28 * count + 2
    content = bytearray(b"II*\0" + struct.pack("<I", 8))
    for number, place in enumerate(places):
        entries_there, rest = divmod(end + 4 * number - place - 2, 12)
        assert not rest
        content += struct.pack("<HHHIIHHIIH", entries_there, 256, 4, 1, 1, 257, 4, 1, 1, 0)
    content += struct.pack(f"<H{count}I", 0, *places[1:], 0)
    file = _Counted(content)
    pages = find_pages(file)
    assert pages is not None
    assert not pages.is_whole
    assert file.count < 3 * len(content)


def test_a_turned_page_is_turned_and_its_boxes_lie_in_the_file() -> None:
    content = make_tiff([page(1), page(2)], tiffinfo={274: 6})
    fitted = prepare(next(entry for entry in entries(content) if isinstance(entry, Item)))
    assert isinstance(fitted, Fitted)
    assert Image.open(BytesIO(fitted.content)).size == (90, 160)
    assert (fitted.change.origin.size, fitted.change.origin.orientation) == ((160, 90), 6)


def test_pages_are_read_by_many_threads_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(make_tiff([page(number) for number in range(40)], compression="tiff_lzw"))
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(read, open_tiff(str(path), "a.tif", _OPTIONS)))
    assert [Image.open(BytesIO(content)).tobytes() for content in found] == [
        page(number).tobytes() for number in range(40)
    ]


def test_a_file_that_is_gone_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(make_tiff([page(1), page(2)]))
    first, second = open_tiff(str(path), "a.tif", _OPTIONS)
    assert read(first)
    path.unlink()
    assert "no such file" in message_of(second)
    (absent,) = open_tiff(str(path), "a.tif", _OPTIONS)
    assert "no such file" in message_of(absent)


class _Counted(BytesIO):
    """A file that counts the bytes that are read of it."""

    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(size)
        self.count += len(content)
        return content


def _with_long_values(tags: Sequence[int], size: int) -> bytes:
    """Return a TIFF of two pages of a pixel, which both have a value of zeros under these tags."""
    content = b"II*\0" + struct.pack("<I", 8 + size) + bytes(size)
    values = dict.fromkeys((256, 257, 258, 259, 277, 278), (4, 1, 1)) | {262: (4, 1, 0), 273: (4, 1, 8), 279: (4, 1, 1)}
    values |= dict.fromkeys(tags, (1, size, 8))
    directory = struct.pack("<H", len(values))
    directory += b"".join(struct.pack("<HHII", tag, *value) for tag, value in sorted(values.items()))
    second = len(content) + len(directory) + 4
    return content + directory + struct.pack("<I", second) + directory + struct.pack("<I", 0)


def _by_hand(order: str, grey_pages: Sequence[tuple[int, int, bytes]], *, is_tiled: bool = False) -> bytes:
    """Return a TIFF of 8-bit grey pages, each of a width, a height and its pixels in one strip or tile."""
    content = bytearray((b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8))
    for number, (width, height, pixels) in enumerate(grey_pages, 1):
        place = len(content) + 2 + 12 * 9 + 4
        where = (
            [(322, width), (323, height), (324, place), (325, len(pixels))]
            if is_tiled
            else [(273, place), (277, 1), (278, height), (279, len(pixels))]
        )
        values = [(256, width), (257, height), (258, 8), (259, 1), (262, 1), *where]
        content += struct.pack(order + "H", len(values))
        content += b"".join(struct.pack(order + "HHII", tag, 4, 1, value) for tag, value in values)
        content += struct.pack(order + "I", 0 if number == len(grey_pages) else place + len(pixels)) + pixels
    return bytes(content)
