"""Files with faults that leave a picture, and kinds of JPEG and PNG that are not supported."""

import io
import logging
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vision_grpc.config import Limits
from vision_grpc.contract.png import SIGNATURE, encode_chunk
from vision_grpc.local.ocr.bitmap import decode
from vision_grpc.local.ocr.engine import UnreadableImageError

SIZE = (20, 10)
PICTURE = Image.linear_gradient("L").resize(SIZE)
HEADER = struct.pack(">IIBBBBB", *SIZE, 8, 0, 0, 0, 0)
PIXELS = zlib.compress(b"".join(b"\0" + PICTURE.tobytes()[row * 20 : row * 20 + 20] for row in range(10)))
TURNED = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x03\0\0\0\0\0\0"


def png(*before: bytes, after: bytes = b"", end: bytes = b"", pixels: bytes = PIXELS) -> bytes:
    ends = end or encode_chunk(b"IEND", b"")
    return b"".join((SIGNATURE, encode_chunk(b"IHDR", HEADER), *before, encode_chunk(b"IDAT", pixels), after, ends))


def wrong(chunk: bytes) -> bytes:
    """Return a chunk with a wrong checksum."""
    return chunk[:-1] + bytes([chunk[-1] ^ 1])


def jpeg(mode: str = "L", **options: object) -> bytes:
    buffer = io.BytesIO()
    PICTURE.convert(mode).save(buffer, "JPEG", quality=95, **options)
    return buffer.getvalue()


def segment(code: int, body: bytes, *, length: int | None = None) -> bytes:
    return struct.pack(">BBH", 0xFF, code, len(body) + 2 if length is None else length) + body


def with_segments(*segments: bytes, whole: bytes = b"") -> bytes:
    whole = whole or jpeg()
    return whole[:2] + b"".join(segments) + whole[2:]


ODD_PNGS: dict[str, tuple[Callable[[], bytes], str]] = {
    "short gAMA": (lambda: png(encode_chunk(b"gAMA", b"\0\0")), "'gAMA' is too short"),
    "short cHRM": (lambda: png(encode_chunk(b"cHRM", bytes(31))), "'cHRM' is too short"),
    "short pHYs": (lambda: png(encode_chunk(b"pHYs", bytes(8))), "'pHYs' is too short"),
    "short sRGB": (lambda: png(encode_chunk(b"sRGB", b"")), "'sRGB' is too short"),
    "short cICP": (lambda: png(encode_chunk(b"cICP", b"\1")), "'cICP' is too short"),
    "checksum of gAMA": (lambda: png(wrong(encode_chunk(b"gAMA", bytes(4)))), "the checksum of 'gAMA' is wrong"),
    "checksum of eXIf": (lambda: png(wrong(encode_chunk(b"eXIf", b"MM\0*"))), "the checksum of 'eXIf' is wrong"),
    "checksum after the pixels": (
        lambda: png(after=wrong(encode_chunk(b"tIME", bytes(7)))),
        "the checksum of 'tIME' is wrong",
    ),
    "an animation": (
        lambda: png(
            encode_chunk(b"acTL", struct.pack(">II", 2, 0)),
            encode_chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 20, 10, 0, 0, 1, 1, 0, 0)),
            after=encode_chunk(b"fdAT", bytes(4) + PIXELS),
        ),
        "it is animated",
    ),
    "a broken animation": (lambda: png(encode_chunk(b"acTL", b""), encode_chunk(b"fcTL", b"")), "it is animated"),
    "no end": (lambda: png(end=b"\0"), "its end is missing"),
    "half an end": (lambda: png(end=b"\0\0\0\0IE"), "its end is missing"),
    "an end without checksum": (lambda: png(end=b"\0\0\0\0IEND"), "the checksum of 'IEND' is wrong"),
    "zeros behind its end": (lambda: png() + bytes(500), "500 bytes follow its end"),
    "another file behind its end": (lambda: png() + b"PK\3\4...", "7 bytes follow its end"),
    "an unknown critical chunk": (lambda: png(encode_chunk(b"ABCD", b"x")), "'ABCD' is unknown"),
}  # fmt: skip
# Faults that nobody needs to know of, and what is no fault but makes decoders stop.
SILENT_PNGS: dict[str, Callable[[], bytes]] = {
    "text of 4 MiB": lambda: png(encode_chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(4 << 20)))),
    "80 MiB of text": lambda: png(*[encode_chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(8 << 20)))] * 10),
    "international text of 4 MiB": lambda: png(
        after=encode_chunk(b"iTXt", b"k\0\1\0\0\0" + zlib.compress(bytes(4 << 20)))
    ),
    "text that does not unpack": lambda: png(encode_chunk(b"zTXt", b"k\0\0not zlib")),
    "a colour profile that does not unpack": lambda: png(encode_chunk(b"iCCP", b"name\0\0" + b"\xff" * 9)),
    "a colour profile without compression": lambda: png(encode_chunk(b"iCCP", b"")),
    "a colour profile of 4 MiB": lambda: png(encode_chunk(b"iCCP", b"name\0\0" + zlib.compress(bytes(4 << 20)))),
    "EXIF data that are none": lambda: png(encode_chunk(b"eXIf", b"")),
    "a suggested palette": lambda: png(encode_chunk(b"PLTE", b"abcd")),
    "transparency that is too short": lambda: png(encode_chunk(b"tRNS", b"\0")),
    "pixels in many pieces": lambda: png(
        *[encode_chunk(b"IDAT", PIXELS[at : at + 1]) for at in range(len(PIXELS) - 1)], pixels=PIXELS[-1:]
    ),
}  # fmt: skip
ODD_JPEGS: dict[str, tuple[Callable[[], bytes], str]] = {
    "escaped FF between segments": (lambda: with_segments(b"\xff\0\xff\0"), "bytes between its segments"),
    "zeros between segments": (lambda: with_segments(bytes(30)), "bytes between its segments"),
    "text between segments": (lambda: with_segments(b"junk"), "bytes between its segments"),
    "a marker without FF": (lambda: with_segments(segment(0xE5, b"abc")[1:]), "bytes between its segments"),
    "a length that is too short": (
        lambda: with_segments(segment(0xE5, b"abcdefgh", length=4)),
        "bytes between its segments",
    ),
    "a length of nothing": (lambda: with_segments(segment(0xE5, b"", length=0)), "bytes between its segments"),
    "another beginning": (lambda: with_segments(b"\xff\xd8"), "bytes between its segments"),
    "the frame twice": (lambda: with_segments(segment(0xC0, b"\x08\0\x0a\0\x14\1\1\x11\0")), ""),
    "JPEG: zeros behind its end": (lambda: jpeg() + bytes(500), "500 bytes follow its end"),
    "JPEG: no end": (lambda: jpeg()[:-2], "its end is missing; a part of its picture is missing"),
    "JPEG: half an end": (lambda: jpeg()[:-1], "its end is missing"),
}
SILENT_JPEGS: dict[str, Callable[[], bytes]] = {
    "fill bytes": lambda: with_segments(b"\xff\xff\xff"),
    "EXIF data of garbage": lambda: with_segments(segment(0xE1, b"Exif\0\0MM\0*" + b"\xff" * 30)),
    "a JFIF segment of nothing": lambda: with_segments(segment(0xE0, b"JFIF\0")),
    "an Adobe segment of nothing": lambda: with_segments(segment(0xEE, b"Adobe")),
    "a profile of garbage": lambda: with_segments(segment(0xE2, b"ICC_PROFILE\0\xff\xff??")),
    "an index of pictures of garbage": lambda: with_segments(segment(0xE2, b"MPF\0II*\0\xff\xff\xff\xff")),
    "Photoshop data of garbage": lambda: with_segments(segment(0xED, b"Photoshop 3.0\x008BIM\0")),
    "more pictures": lambda: jpeg() + jpeg(),
    "progressive": lambda: jpeg(progressive=True),
    "restarts": lambda: jpeg(restart_marker_blocks=1),
}


# Of each kind that the header of a PNG can state, with a transparent colour, which depends on it.
HEADERS = {
    f"{bits} bits, colour type {colours}, {'in passes' if interlaced else 'in rows'}": struct.pack(
        ">IIBBBBB", *SIZE, bits, colours, 0, 0, interlaced
    )
    for bits in (0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 32, 255)
    for colours in (*range(8), 255)
    for interlaced in (0, 1)
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_any_header_of_a_png_gives_a_picture_or_a_reason(header: bytes) -> None:
    for key in (b"", b"\0", bytes(2), bytes(6), b"\xff" * 6, bytes(300)):
        for pixels in (PIXELS, PIXELS[:20], zlib.compress(b"\0"), b""):
            chunks = [(b"IHDR", header), (b"PLTE", bytes(30)), (b"tRNS", key), (b"IDAT", pixels), (b"IEND", b"")]
            content = SIGNATURE + b"".join(encode_chunk(*chunk) for chunk in chunks)
            with suppress(UnreadableImageError):
                assert decode(content).width == SIZE[0]


@given(st.binary(min_size=5, max_size=5), st.binary(max_size=8))
def test_bytes_of_any_value_in_a_header_are_no_bug(kind: bytes, key: bytes) -> None:
    for content in (
        png(encode_chunk(b"tRNS", key)).replace(HEADER, HEADER[:8] + kind),
        with_segments(segment(0xC0, kind + key), segment(0xC4, kind), segment(0xDA, key)),
    ):
        with suppress(UnreadableImageError):
            decode(content)


def near_picture(pixels: bytes) -> bool:
    return max(abs(one - other) for one, other in zip(pixels, PICTURE.tobytes(), strict=True)) < 20


@pytest.mark.parametrize("name", [*ODD_PNGS, *ODD_JPEGS])
def test_faults_that_leave_the_picture_are_logged(name: str, caplog: pytest.LogCaptureFixture) -> None:
    make, told = (ODD_PNGS | ODD_JPEGS)[name]
    bitmap = decode(make())
    assert (bitmap.width, bitmap.height, bitmap.channels) == (*SIZE, 1)
    assert near_picture(bitmap.pixels)
    assert told in caplog.text
    assert len(caplog.records) == (1 if told else 0)


@pytest.mark.parametrize("name", [*SILENT_PNGS, *SILENT_JPEGS])
def test_metadata_do_not_matter(name: str, caplog: pytest.LogCaptureFixture) -> None:
    bitmap = decode((SILENT_PNGS | SILENT_JPEGS)[name]())
    assert (bitmap.width, bitmap.height, bitmap.channels, bitmap.complete) == (*SIZE, 1, True)
    assert near_picture(bitmap.pixels)
    assert not caplog.records


def test_the_orientation_is_found_beside_odd_metadata() -> None:
    upright = decode(png()).pixels
    assert decode(png(wrong(encode_chunk(b"eXIf", TURNED)))).pixels == upright[::-1]
    assert decode(png(after=encode_chunk(b"eXIf", TURNED))).pixels == upright[::-1]
    exif = segment(0xE1, b"Exif\0\0" + TURNED)
    flat = decode(jpeg()).pixels
    assert decode(with_segments(exif)).pixels == flat[::-1]
    assert decode(with_segments(b"junk", exif, b"junk")).pixels == flat[::-1]
    # The second belongs to something else.
    assert decode(with_segments(exif, segment(0xE1, b"Exif\0\0" + TURNED.replace(b"\0\x03\0\0\0\0", b"\0\x01\0\0\0\0")))
                  ).pixels == flat[::-1]  # fmt: skip
    xmp = b'<rdf:Description tiff:Orientation="3"/>'
    assert decode(with_segments(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp))).pixels == flat[::-1]
    assert decode(png(encode_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp))).pixels == upright[::-1]


@pytest.mark.parametrize("transform", [0, 2])
def test_inks_of_adobe_are_inverted(transform: int) -> None:
    buffer = io.BytesIO()
    Image.new("CMYK", (16, 16), (255, 255, 255, 255)).save(buffer, "JPEG")
    plain = buffer.getvalue()
    start = plain.index(b"Adobe") - 4
    adobe = segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([transform]))
    written = plain[:start] + adobe + plain[start + 16 :]
    with Image.open(io.BytesIO(written)) as image:
        expected = image.convert("RGB").tobytes()
    assert decode(written).pixels == decode(with_segments(b"junk", whole=written)).pixels == expected


def frame(code: int, bits: int = 8) -> bytes:
    whole = bytearray(jpeg())
    start = whole.index(b"\xff\xc0")
    whole[start + 1], whole[start + 4] = code, bits
    return bytes(whole)


def with_frame(*sampling: int, height: int = 10) -> bytes:
    """Return a JPEG whose first frame has components of these sampling factors, one if there are none."""
    components = [bytes([number, factors, 0]) for number, factors in enumerate(sampling or (0x11,), 1)]
    body = struct.pack(">BHHB", 8, height, 20, len(components)) + b"".join(components)
    return with_segments(segment(0xC0, body))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (frame(0xC0, 12), "a JPEG with 12 bits a colour, a kind that is not supported here"),
        (frame(0xC1, 12), "a JPEG with 12 bits a colour"),
        (frame(0xC2, 12), "a JPEG with 12 bits a colour"),
        (frame(0xC3), "a lossless JPEG, a kind that is not supported here"),
        (frame(0xC3, 16), "a lossless JPEG"),
        (frame(0xCB), "a lossless JPEG"),
        (frame(0xC5), "a hierarchical JPEG"),
        (frame(0xF7), "a JPEG-LS"),
        (with_segments(b"junk", whole=frame(0xC3)), "a lossless JPEG"),
        (with_frame(height=0), "a JPEG that states its height behind the picture (DNL)"),
        (with_frame(0x11, 0x11), "a JPEG with 2 colours"),
        (with_frame(*[0x11] * 5), "a JPEG with 5 colours"),
        (with_frame(0x31, 0x21, 0x11), "a JPEG with colours of uneven sampling"),
        (png()[:8] + encode_chunk(b"CgBI", bytes(4)) + png()[8:], "an Apple PNG (CgBI), only JPEG and PNG"),
        (b"GIF89a", "a GIF, only JPEG and PNG"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC"),
    ],
)
def test_a_kind_that_is_not_supported_is_not_called_damaged(content: bytes, told: str) -> None:
    with pytest.raises(UnreadableImageError) as raised:
        decode(content)
    assert told in str(raised.value)
    assert "damaged" not in str(raised.value)


@pytest.mark.parametrize(
    "content",
    [
        with_segments(b"junk", whole=jpeg().replace(struct.pack(">HH", 10, 20), struct.pack(">HH", 60_000, 60_000))),
        SIGNATURE
        + encode_chunk(b"tEXt", b"k\0v")
        + encode_chunk(b"IHDR", struct.pack(">II", 60_000, 60_000) + HEADER[8:])
        + encode_chunk(b"IDAT", PIXELS),
    ],
)  # fmt: skip
def test_the_limit_of_pixels_holds_where_the_client_cannot_tell(content: bytes) -> None:
    with pytest.raises(UnreadableImageError, match="3,600,000,000 pixels, the limit is 20,000,000"):
        decode(content)


def with_scans(count: int, size: tuple[int, int], *, progressive: bool) -> bytes:
    """Return a JPEG whose last scan comes `count` times."""
    buffer = io.BytesIO()
    Image.new("L", size, 128).save(buffer, "JPEG", progressive=progressive)
    whole = buffer.getvalue()
    scan = whole[whole.rindex(b"\xff\xda") : -2]
    return whole[:-2] + scan * (count - 1) + whole[-2:]


@pytest.mark.parametrize(
    ("content", "scans"),
    [
        (with_scans(24_000, (4000, 4000), progressive=True), "24,005"),
        (with_scans(24_000, (4000, 4000), progressive=True)[:-2], "24,005"),
        (with_scans(150, (4000, 4000), progressive=False), "150"),
    ],
    ids=["progressive", "without its end", "baseline"],
)
def test_a_picture_in_very_many_scans_is_refused_before_it_is_decoded(content: bytes, scans: str) -> None:
    with pytest.raises(UnreadableImageError, match=f"a JPEG of {scans} scans, the limit for 4000 x 4000 pixels is 125"):
        decode(content)


def test_more_scans_than_any_encoder_writes_are_decoded_where_they_cost_little() -> None:
    assert decode(with_scans(90, (1000, 1000), progressive=True)).complete
    assert decode(with_scans(500, (100, 100), progressive=True)).complete


def test_a_cut_picture_is_not_completed_beyond_the_limit() -> None:
    with pytest.raises(UnreadableImageError, match="200 pixels, the limit is 199"):
        decode(png(pixels=PIXELS[:40]), Limits(pixels=199))


def test_a_cut_picture_of_very_many_rows_is_completed_in_little_memory() -> None:
    header = struct.pack(">IIBBBBB", 1, 4_000_000, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(10_000))[:-6]
    content = SIGNATURE + encode_chunk(b"IHDR", header) + encode_chunk(b"IDAT", rows)
    tracemalloc.start()
    try:
        bitmap = decode(content)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (bitmap.height, bitmap.complete) == (4_000_000, False)
    assert bitmap.pixels.count(0) < 10_000
    assert set(bitmap.pixels[10_000:]) == {255}
    assert peak < 100_000_000


def test_the_log_has_one_line_for_a_file_however_odd(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    many = [wrong(encode_chunk(b"t%03d" % number, b"k\0v")) for number in range(1000)]
    decode(png(*many) + b"junk")
    (record,) = caplog.records
    assert len(record.getMessage()) < 300
