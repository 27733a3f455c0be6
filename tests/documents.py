"""Documents of several pages, made by the tests: PDF by hand, TIFF by Pillow."""

import zlib
from collections.abc import Sequence
from hashlib import md5
from io import BytesIO
from typing import Any, NamedTuple

from PIL import Image

A4 = (0.0, 0.0, 595.0, 842.0)

# PDF 1.7, 7.6.3.3: what fills up a password.
_PADDING = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")
_FIRST_PAGE = 4
_HANGING = b"/N Do " * 30
_OBJECTS_A_PAGE = 3


class PdfPage(NamedTuple):
    """A page of a PDF."""

    drawing: bytes = b""
    """What is drawn on it: `text` below, or `SCAN` for the image over all of it."""

    image: Image.Image | None = None
    box: tuple[float, float, float, float] = A4
    more: bytes = b""
    """Further entries of its dictionary, such as `/Rotate 90`."""


def text(written: str, *, size: int = 24, left: int = 50, above: int = 700, mode: int = 0) -> bytes:
    """Return the drawing of a line of text; mode 3 is not seen."""
    return f"BT /F {size} Tf {mode} Tr {left} {above} Td ({written}) Tj ET ".encode("latin-1")


def scan(box: tuple[float, float, float, float] = A4) -> bytes:
    """Return the drawing of the page's image over all of the page."""
    left, bottom, right, top = box
    return f"q {right - left:.6f} 0 0 {top - bottom:.6f} {left} {bottom} cm /I Do Q ".encode()


def scanned(image: Image.Image, dpi: float, drawing: bytes = b"") -> PdfPage:
    """Return a page that is a scan, as large as it is at this resolution."""
    box = (0.0, 0.0, 72 * image.width / dpi, 72 * image.height / dpi)
    return PdfPage(scan(box) + drawing, image, box)


def hanging_page() -> PdfPage:
    """Return a page that draws forms that draw forms that do so: PDFium would be busy for years."""
    return PdfPage(_HANGING)


def make_pdf(pages: Sequence[PdfPage], *, count: int | None = None, opened_by: str | None = None) -> bytes:
    """Return a PDF of these pages, which may count wrongly, and may be encrypted (RC4), also with an empty password."""
    kids = b" ".join(b"%d 0 R" % (_FIRST_PAGE + _OBJECTS_A_PAGE * number) for number in range(len(pages)))
    objects: list[tuple[bytes, bytes | None]] = [
        (b"/Type/Catalog/Pages 2 0 R", None),
        (b"/Type/Pages/Kids[%s]/Count %d" % (kids, len(pages) if count is None else count), None),
        (b"/Type/Font/Subtype/Type1/BaseFont/Helvetica", None),
    ]
    first_form = _FIRST_PAGE + _OBJECTS_A_PAGE * len(pages)
    for number, page in enumerate(pages):
        own = _FIRST_PAGE + _OBJECTS_A_PAGE * number
        box = " ".join(f"{side:.6f}" for side in page.box).encode()
        resources = b"<</Font<</F 3 0 R>>/XObject<</I %d 0 R/N %d 0 R>>>>" % (own + 2, first_form)
        entries = b"/Type/Page/Parent 2 0 R/MediaBox[%s]/Contents %d 0 R/Resources%s%s"
        objects += [
            (entries % (box, own + 1, resources, page.more), None),
            (b"", page.drawing),
            _image(page.image or Image.new("L", (1, 1))),
        ]
    if any(page.drawing == _HANGING for page in pages):
        form = b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</N %d 0 R>>>>"
        objects += [(form % (first_form + depth), _HANGING) for depth in range(1, 8)]
        objects.append((form % 1, b"0 0 1 1 re f"))
    return _write(objects, opened_by)


def _image(image: Image.Image) -> tuple[bytes, bytes]:
    space = b"/DeviceRGB" if image.mode == "RGB" else b"/DeviceGray"
    bits = 1 if image.mode == "1" else 8
    entries = b"/Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace%s/BitsPerComponent %d/Filter/FlateDecode"
    return entries % (*image.size, space, bits), zlib.compress(image.tobytes())


def _write(objects: Sequence[tuple[bytes, bytes | None]], password: str | None) -> bytes:
    document, places = bytearray(b"%PDF-1.7\n"), []
    trailer, key = (b"", b"") if password is None else _encryption(password)
    for number, (entries, content) in enumerate(objects, 1):
        places.append(len(document))
        if content is None:
            body = b"<<%s>>" % entries
        else:
            stored = (
                _rc4(_md5(key + number.to_bytes(3, "little") + b"\0\0")[: len(key) + 5], content) if key else content
            )
            body = b"<<%s/Length %d>>\nstream\n%s\nendstream" % (entries, len(stored), stored)
        document += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(document)
    document += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    document += b"".join(b"%010d 00000 n \n" % place for place in places)
    document += b"trailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, trailer, start)
    return bytes(document)


def _encryption(password: str) -> tuple[bytes, bytes]:
    """Return what the trailer says of the encryption, and the key (PDF 1.7, 7.6.3.3 and 7.6.3.4, revision 2)."""
    padded = (password.encode() + _PADDING)[:32]
    owner = _rc4(_md5((b"owner" + _PADDING)[:32])[:5], padded)
    key = _md5(padded + owner + b"\xff\xff\xff\xff" + b"an ID")[:5]
    user = _rc4(key, _PADDING)
    entries = b"/Encrypt<</Filter/Standard/V 1/R 2/O<%s>/U<%s>/P -1>>/ID[<%s><%s>]"
    identity = b"an ID".hex().encode()
    return entries % (owner.hex().encode(), user.hex().encode(), identity, identity), key


def _md5(content: bytes) -> bytes:
    return md5(content, usedforsecurity=False).digest()


def _rc4(key: bytes, content: bytes) -> bytes:
    state, j = list(range(256)), 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    out, i, j = bytearray(), 0, 0
    for byte in content:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)


def make_tiff(pages: Sequence[Image.Image], kinds: Sequence[int] = (), **options: Any) -> bytes:  # noqa: ANN401 - Pillow's
    """Return a TIFF of these pages; `kinds` are their values of NewSubfileType, where 1 is a thumbnail."""
    first, *others = pages
    for page, kind in zip(others, kinds[1:], strict=False):
        page.encoderinfo = {"tiffinfo": {254: kind}}
    if kinds:
        options["tiffinfo"] = {254: kinds[0]}
    file = BytesIO()
    first.save(file, "TIFF", save_all=True, append_images=others, **options)
    return file.getvalue()
