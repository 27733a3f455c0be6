import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from vision_grpc.config import Limits
from vision_grpc.contract.image_header import ImageHeader, UnreadableImageError, check_image, read_header


def _encode(kind: str, width: int, height: int, **options: object) -> bytes:
    buffer = io.BytesIO()
    Pillow.new("L", (width, height)).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"exif": b"Exif\0\0" + bytes(60_000)}, {"comment": b"c"}]
)
def test_jpeg_of_every_kind(options: dict[str, object]) -> None:
    assert read_header(_encode("JPEG", 31, 17, **options)) == ImageHeader("jpeg", 31, 17)


def test_png() -> None:
    assert read_header(_encode("PNG", 300, 7)) == ImageHeader("png", 300, 7)


def test_fill_bytes_before_a_marker_are_legal() -> None:
    plain = _encode("JPEG", 31, 17)
    assert read_header(plain[:2] + b"\xff\xff" + plain[2:]) == ImageHeader("jpeg", 31, 17)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (b"just text", "no image"),
        (b"GIF89a......", "a GIF"),
        (b"%PDF-1.7", "a PDF"),
        (b"\x89PNG\r\n\x1a\n", "PNG ends"),
        (b"\xff\xd8\xff", "JPEG ends"),
        (b"\xff\xd8\xff\xd9", "JPEG ends"),
        (_encode("PNG", 5, 5)[:20], "PNG ends"),
        (_encode("JPEG", 5, 5)[:30], "JPEG ends"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(8), "0 x 0 pixels"),
    ],
)
def test_what_is_no_image_is_told_so(content: bytes, told: str) -> None:
    with pytest.raises(UnreadableImageError, match=told):
        read_header(content)


@given(
    st.binary(max_size=200), st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0\x00\x02"])
)
def test_any_bytes_give_a_header_or_the_error(tail: bytes, head: bytes) -> None:
    try:
        header = read_header(head + tail)
    except UnreadableImageError:
        return
    assert header.width > 0
    assert header.height > 0


def test_limits_hold_to_the_last_byte_and_pixel() -> None:
    png = _encode("PNG", 100, 50)
    assert check_image(png, Limits(content_bytes=len(png), pixels=5_000)) is None
    assert "bytes, the limit is" in str(check_image(png, Limits(content_bytes=len(png) - 1)))
    assert "100 x 50 = 5,000 pixels, the limit is 4,999" in str(check_image(png, Limits(pixels=4_999)))
