import io
import random
import struct
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from vision_grpc.config import Limits
from vision_grpc.contract.image_header import ImageHeader, check_image, read_header
from vision_grpc.contract.jpeg import MOST_LOOKED_AT, segments
from vision_grpc.contract.png import SIGNATURE, chunks, encode_chunk

IHDR = struct.pack(">IIBBBBB", 31, 17, 8, 0, 0, 0, 0)
MUTANTS = 400


def _encode(kind: str, width: int, height: int, *, mode: str = "L", **options: object) -> bytes:
    buffer = io.BytesIO()
    Pillow.radial_gradient("L").resize((width, height)).convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


def _segment(code: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, code, len(body) + 2) + body


def _with_thumbnail() -> bytes:
    """Return a JPEG with another, of another size, in its EXIF data."""
    exif = b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0" + _encode("JPEG", 9, 5)
    whole = _encode("JPEG", 31, 17)
    return whole[:2] + _segment(0xE1, exif) + whole[2:]


def _with_adobe(transform: int) -> bytes:
    whole = _encode("JPEG", 31, 17, mode="CMYK")
    return whole[:2] + _segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([transform])) + whole[2:]


def _mpo() -> bytes:
    buffer = io.BytesIO()
    Pillow.new("L", (31, 17)).save(buffer, "MPO", save_all=True, append_images=[Pillow.new("L", (8, 8))])
    return buffer.getvalue()


JPEGS: dict[str, Callable[[], bytes]] = {
    "grey": lambda: _encode("JPEG", 31, 17),
    "colours": lambda: _encode("JPEG", 31, 17, mode="RGB", subsampling=2),
    "progressive": lambda: _encode("JPEG", 31, 17, progressive=True),
    "CMYK": lambda: _with_adobe(0),
    "YCCK": lambda: _with_adobe(2),
    "restarts": lambda: _encode("JPEG", 31, 17, restart_marker_blocks=1),
    "EXIF": lambda: _encode("JPEG", 31, 17, exif=b"Exif\0\0" + bytes(60_000)),
    "comment": lambda: _encode("JPEG", 31, 17, comment=b"c" * 300),
    "thumbnail": _with_thumbnail,
    "MPO": _mpo,
}
PNGS: dict[str, Callable[[], bytes]] = {
    "grey": lambda: _encode("PNG", 31, 17),
    "colours": lambda: _encode("PNG", 31, 17, mode="RGBA"),
    "palette": lambda: _encode("PNG", 31, 17, mode="P", transparency=3),
    "1 bit": lambda: _encode("PNG", 31, 17, mode="1"),
}
# What may stand between segments or chunks: padding, an escaped FF, markers without length, junk, whole segments.
INSERTS = (
    b"\xff", b"\xff\xff\xff", b"\xff\x00", b"\xff\x00\xff\x00", b"\0", b"\0" * 40, b"junk", b"\xff\xd0", b"\xff\xd7",
    b"\xff\x01", b"\xff\xd8", b"\xff\xd8\xff\xd8", b"\xff\xd9", b"\xff\xe1", b"\xff\xe0\0\0", b"\xff\xfe\0\x02",
    b"\xff\xe0\0\x10JFIF", b"\xff\xc0\0\x0b\x08\x27\x10\x27\x10\x01\x01\x11\0", b"\xe0\0\x02", b"\xff\xff\0",
    encode_chunk(b"IHDR", IHDR), encode_chunk(b"tEXt", b"k\0v"), encode_chunk(b"abCd", b""), b"\0\0\0\0ab1d\0\0\0\0",
)  # fmt: skip


def _seams(content: bytes) -> list[int]:
    """Return the offsets between segments or chunks."""
    if content.startswith(SIGNATURE):
        return [chunk.start - 8 for chunk in chunks(content)]
    return [2, *(segment.end for segment in segments(content))]


def _mutate(content: bytes, rng: random.Random) -> bytes:
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        seams = _seams(content)
        # Most faults of real files are around the seams.
        at = rng.choice(seams) + rng.choice([-1, 0, 0, 0, 0, 1, 2, 3, 4]) if seams else 0
        if rng.random() < 0.2:
            at = rng.randrange(min(len(content), 700) + 1)
        at = min(max(at, 0), len(content) - 1)
        match rng.randrange(6):
            case 0 | 1:
                content = content[:at] + rng.choice(INSERTS) + content[at:]
            case 2:
                content = content[:at] + content[at + rng.choice([1, 2, 4, 10]) :]
            case 3:
                content = content[:at] + bytes([content[at] ^ 1 << rng.randrange(8)]) + content[at + 1 :]
            case 4:
                content = content[:at] + rng.randbytes(rng.randrange(1, 9)) + content[at:]
            case _:
                content = content[: rng.randrange(len(content) // 2, len(content) + 1)]
        if not content:
            break
    return content


def _opened(content: bytes) -> tuple[int, int] | None:
    try:
        with Pillow.open(io.BytesIO(content), formats=("JPEG", "PNG")) as image:
            return image.size
    except Exception:  # noqa: BLE001 - Pillow has no list of what damaged files make it raise
        return None


def _mutants(name: str, seed: bytes) -> Iterator[bytes]:
    rng = random.Random(name)  # noqa: S311 - the same mutants in each run
    yield seed
    for _ in range(MUTANTS):
        yield _mutate(seed, rng)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(
    ("name", "make"), [*JPEGS.items(), *PNGS.items()], ids=[*(f"JPEG {n}" for n in JPEGS), *(f"PNG {n}" for n in PNGS)]
)
def test_what_pillow_opens_is_sent_and_has_the_same_size(name: str, make: Callable[[], bytes]) -> None:
    opened = told = 0
    for mutant in _mutants(name, make()):
        size = _opened(mutant)
        if size is None:
            continue
        opened += 1
        header = read_header(mutant)
        told += header is not None
        assert header is None or (header.width, header.height) == size, mutant[:200]
        if size[0] * size[1] <= Limits().pixels:
            assert check_image(mutant, Limits()) is None, mutant[:200]
    assert opened > MUTANTS // 10
    assert told > MUTANTS // 40


@pytest.mark.parametrize("make", JPEGS.values(), ids=JPEGS)
def test_jpeg_of_every_kind(make: Callable[[], bytes]) -> None:
    assert read_header(make()) == ImageHeader("jpeg", 31, 17)


@pytest.mark.parametrize("make", PNGS.values(), ids=PNGS)
def test_png_of_every_kind(make: Callable[[], bytes]) -> None:
    assert read_header(make()) == ImageHeader("png", 31, 17)


def test_fill_bytes_before_a_marker_are_legal() -> None:
    plain = _encode("JPEG", 31, 17)
    assert read_header(plain[:2] + b"\xff\xff" + plain[2:]) == ImageHeader("jpeg", 31, 17)


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8",
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8\0\0" + _encode("JPEG", 5, 5)[2:],
        _encode("PNG", 5, 5)[:20],
        _encode("JPEG", 5, 5)[:30],
        SIGNATURE + encode_chunk(b"IHDR", bytes(13)),
        SIGNATURE + encode_chunk(b"sBIT", b"\x08") + encode_chunk(b"IHDR", IHDR),
        SIGNATURE + encode_chunk(b"IHDR", IHDR) + encode_chunk(b"IHDR", bytes(13)),
        SIGNATURE + encode_chunk(b"IHDR", struct.pack(">II5x", 100_000, 100_000))[:-1] + b"?",
        b"\xff\xd8" + 2 * _segment(0xC0, struct.pack(">BHHB", 8, 60_000, 60_000, 1)),
        b"\xff\xd8junk" + _segment(0xC0, struct.pack(">BHHB", 8, 60_000, 60_000, 1)),
        b"\xff\xd8\xff\xe0\0\x01" + _segment(0xC0, struct.pack(">BHHB", 8, 60_000, 60_000, 1)),
        b"\xff\xd8" + _segment(0xC0, struct.pack(">BHHB", 8, 0, 60_000, 1)),
    ],
)
def test_a_header_that_is_not_understood_is_left_to_the_service(content: bytes) -> None:
    assert read_header(content) is None
    assert check_image(content, Limits(pixels=1)) is None


def test_many_fill_bytes_are_passed_over_quickly() -> None:
    # Looked at from each of them anew, they would take minutes.
    assert read_header(b"\xff\xd8" + b"\xff" * 1_000_000 + b"\0") is None
    assert read_header(b"\xff\xd8" + b"\xff\0" * 500_000) is None


@pytest.mark.parametrize(
    ("begin", "part", "end"),
    [
        (
            b"\xff\xd8",
            _segment(0xE0, b""),
            _segment(0xC0, struct.pack(">BHHB", 8, 60_000, 60_000, 1)) + _segment(0xDA, b""),
        ),
        (
            b"\xff\xd8" + _segment(0xC0, struct.pack(">BHHB", 8, 60_000, 60_000, 1)),
            _segment(0xFE, b""),
            _segment(0xDA, b""),
        ),
        (
            SIGNATURE + encode_chunk(b"IHDR", struct.pack(">II5x", 60_000, 60_000)),
            encode_chunk(b"tEXt", b""),
            encode_chunk(b"IDAT", b""),
        ),
    ],
    ids=["JPEG", "JPEG after its frame", "PNG"],
)
def test_a_file_of_endless_parts_is_left_to_the_service(begin: bytes, part: bytes, end: bytes) -> None:
    assert "60000 x 60000" in str(check_image(begin + part * (MOST_LOOKED_AT - 2) + end, Limits()))
    assert check_image(begin + part * (MOST_LOOKED_AT + 1) + end, Limits()) is None


def _ftyp(major: bytes, *compatible: bytes) -> bytes:
    box = b"ftyp" + major + bytes(4) + b"".join(compatible)
    return struct.pack(">I", len(box) + 4) + box


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the file is empty"),
        (b"just text", "the file is no image,"),
        (bytes(100), "is no image,"),
        (b"GIF89a......", "is a GIF,"),
        (b"%PDF-1.7", "is a PDF,"),
        (_encode("WEBP", 5, 5), "is a WebP,"),
        (_encode("TIFF", 5, 5), "is a TIFF,"),
        (b"MM\0+" + bytes(12), "is a TIFF,"),
        (_encode("BMP", 5, 5), "is a BMP,"),
        (_encode("ICO", 16, 16, mode="RGB"), "is an icon (ICO),"),
        (_encode("PPM", 5, 5), "is a Netpbm file"),
        (_encode("JPEG2000", 5, 5), "is a JPEG 2000,"),
        (_encode("JPEG2000", 5, 5, no_jp2=True), "is a JPEG 2000,"),
        (_encode("AVIF", 5, 5, mode="RGB"), "is an AVIF,"),
        (_ftyp(b"avif", b"avif", b"mif1"), "is an AVIF,"),
        (_ftyp(b"mif1", b"mif1", b"avif"), "is an AVIF,"),
        (_ftyp(b"heic", b"mif1", b"heic"), "is a HEIC"),
        (_ftyp(b"mif1", b"mif1", b"heic"), "is a HEIC"),
        (_ftyp(b"mif1", b"mif1"), "is a HEIF,"),
        (_ftyp(b"isom", b"isom", b"mp42"), "is a video (MP4 or MOV),"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "is a JPEG XL,"),
        (b"\xff\x0a\xfa\x7f\x01", "is a JPEG XL,"),
        (b"8BPS\0\x01", "is a Photoshop file (PSD),"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is an SVG,"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- Ink -->\n<svg/>", "is an SVG,"),
        (b"<!-- an <html> with - and -- -->\n<!-- 2 --><SVG>", "is an SVG,"),
        (b"<?xml version='1.0'?><?xml-stylesheet?><!DOCTYPE svg PUBLIC ''>", "is an SVG,"),
        (b"<!DOCTYPE html><html><svg/></html>", "is an HTML page,"),
        (b"\n<?xml version='1.0'?>\n<html>", "is an HTML page,"),
        (b"<note>no picture</note>", "is no image,"),
        (b"<!-- <svg>", "is no image,"),
        (b"i < <svg", "is no image,"),
        (b"PK\x03\x04\x14", "is a ZIP"),
        (b"\x89PNG\n\x1a\n\0\0\0\x0dIHDR", "is a PNG with its first bytes changed"),
        (SIGNATURE + encode_chunk(b"CgBI", b"P\0 \x02") + encode_chunk(b"IHDR", IHDR), "is an Apple PNG (CgBI),"),
    ],
)
def test_what_is_surely_neither_jpeg_nor_png_is_called_by_its_name(content: bytes, told: str) -> None:
    fault = check_image(content, Limits())
    assert fault is not None
    assert told in fault
    assert not content or "only JPEG and PNG are accepted: convert it first" in fault


BEGINNINGS = (
    b"<!---->", b"<!--", b"-->", b"<?xml", b"<?xml?>", b"<?", b"<!DOCTYPE ", b"<!DOCTYPE svg", b"<svg", b"<html", b"<",
    b"-", b"P", b"P1 ", b"RIFF", b"PNG", b"PNG\r\n", b"BM", b"II", b"\0", b" ", b"\n", b"\xef\xbb\xbf", b"'", b"b'",
    b"A", b"A=", b"data:", b"/9j/", b"\xff",
)  # fmt: skip


@pytest.mark.parametrize("beginning", [b"", *BEGINNINGS], ids=repr)
def test_no_file_takes_long_to_be_named(beginning: bytes) -> None:
    # A pattern that tries all ways to split such a file would take longer than the world is old.
    for repeated in BEGINNINGS:
        for end in (b"", b".", b" .", b"'", b"x"):
            check_image((beginning + repeated * 1024)[: 1024 - len(end)] + end, Limits())
            check_image((beginning + repeated) * 140 + end, Limits())


@given(
    st.binary(max_size=200), st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0\x00\x02"])
)
def test_any_bytes_give_a_header_or_none(tail: bytes, head: bytes) -> None:
    check_image(head + tail, Limits())
    if header := read_header(head + tail):
        assert header.width > 0
        assert header.height > 0


def test_limits_hold_to_the_last_byte_and_pixel() -> None:
    png = _encode("PNG", 100, 50)
    assert check_image(png, Limits(content_bytes=len(png), pixels=5_000)) is None
    assert "bytes, the limit is" in str(check_image(png, Limits(content_bytes=len(png) - 1)))
    assert "100 x 50 = 5,000 pixels, the limit is 4,999" in str(check_image(png, Limits(pixels=4_999)))
    jpeg = _encode("JPEG", 100, 50)
    assert "100 x 50 = 5,000 pixels, the limit is 4,999" in str(check_image(jpeg, Limits(pixels=4_999)))
