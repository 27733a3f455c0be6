"""Names of the files that people send instead of JPEG and PNG, by their first bytes."""

import re

from vision_grpc.contract import jpeg, png
from vision_grpc.texts.encoded import encoding_of
from vision_grpc.texts.urls import scheme_like

_PDF_SIGNATURE = b"%PDF"
# Readers of PDF accept what precedes the signature within so many bytes.
_PDF_HEAD = 1024

# Each is matched at the beginning of the file; the first that matches names it.
_SIGNATURES = (
    (rb"GIF8", "a GIF"),
    (_PDF_SIGNATURE, "a PDF"),
    (rb"RIFF....WEBP", "a WebP"),
    (rb"RIFF", "a RIFF file (sound or video)"),
    (rb"II[*+]\x00|MM\x00[*+]", "a TIFF"),
    (rb"II\xbc", "a JPEG XR"),
    (rb"BM.{4}\x00{4}", "a BMP"),
    (rb"\xff\x0a|\x00\x00\x00\x0cJXL ", "a JPEG XL"),
    (rb"\xff\x4f\xff\x51|\x00\x00\x00\x0cjP", "a JPEG 2000"),
    (rb"\x00\x00[\x01\x02]\x00[^\x00]", "an icon (ICO)"),
    (rb"icns", "an icon (ICNS)"),
    (rb"8BPS", "a Photoshop file (PSD)"),
    (rb"gimp xcf", "a GIMP file (XCF)"),
    (rb"P[1-6]\s+[#\d]|P7\s|P[Ff]\s+\d", "a Netpbm file (PBM, PGM, PPM or PAM)"),
    (rb"AT&TFORM", "a DjVu"),
    (rb"%!PS|\xc5\xd0\xd3\xc6", "a PostScript file"),
    (rb"\x76\x2f\x31\x01", "an OpenEXR"),
    (rb"#\?R", "a Radiance HDR"),
    (rb"DDS ", "a DDS"),
    (rb"qoif", "a QOI"),
    (rb"SIMPLE  =", "a FITS"),
    (rb"[\x8a\x8b][MJ]NG\r\n\x1a\n", "an MNG or JNG"),
    (rb"\x89PNG|PNG\r?\n\x1a?\n", "a PNG with its first bytes changed on the way, as by a transfer of text"),
    (rb"PK\x03\x04", "a ZIP, or a document that is one"),
    (rb"\x1f\x8b", "compressed by gzip"),
    (rb"\xd0\xcf\x11\xe0", "an Office document"),
    (rb"\{\\rtf", "an RTF document"),
)
_PATTERNS = [(re.compile(pattern, re.DOTALL), name) for pattern, name in _SIGNATURES]
# What a document begins with does not say what it is, its root does. The bytes may be made to cost time: none of these
# patterns has a repetition within another, or next to one that matches the same.
_MARKUP = re.compile(rb"(\xef\xbb\xbf)?\s*<[?!a-z]", re.IGNORECASE)
_COMMENT = re.compile(rb"<!--.*?(-->|\Z)", re.DOTALL)
_ROOT = re.compile(rb"<(?:!DOCTYPE\s+)?(svg|html)\b", re.IGNORECASE)
_ROOTS = {b"svg": "an SVG", b"html": "an HTML page"}
_LOOKED_AT_BYTES = 1024
ENCODED = " in place of the image itself"
"""What the name of a text ends with that has to be decoded or followed."""
_URL = "a URL"

# ISO 14496-12: a box of type ftyp, then its major brand, a version and the compatible brands.
_FTYP_AT = 4
_BRANDS_AT = 8
_BRANDS = (
    ({b"avif", b"avis"}, "an AVIF"),
    ({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}, "a HEIC (a photo of an iPhone, often)"),
    ({b"mif1", b"msf1", b"mif2", b"miaf"}, "a HEIF"),
    ({b"jxl "}, "a JPEG XL"),
    ({b"crx "}, "a Canon raw photo (CR3)"),
)


def is_pdf(content: bytes) -> bool:
    """Return whether a file is a PDF, also one with other bytes before it, as mail and print systems leave them."""
    return not content.startswith((png.SIGNATURE, jpeg.SIGNATURE)) and _PDF_SIGNATURE in content[:_PDF_HEAD]


def describe_foreign(content: bytes) -> str | None:
    """Return what a file surely is instead of a JPEG or PNG and what to do; None for one that may be either."""
    kind = name_foreign(content)
    if kind is None:
        return None
    if kind.endswith(ENCODED):
        return f"the file is {kind}: {remedy_of(kind)}"
    return f"the file is {kind}, only JPEG and PNG are accepted: convert it first"


def remedy_of(kind: str) -> str:
    """Return what to do with a text of this kind that has to be decoded or followed."""
    return "download it first" if kind.startswith(_URL) else "decode it first"


def name_foreign(content: bytes) -> str | None:
    """Return what a file surely is instead of a JPEG or PNG, such as `a WebP`; None for one that may be either.

    Both decoders, libjpeg and libpng, refuse a file without their signature at its very beginning.
    """
    if content.startswith(png.SIGNATURE):
        # iOS puts this chunk first; its compression and colours are not those of a PNG.
        if not content.startswith(b"CgBI", png.FIRST_KIND_AT):
            return None
        return "an Apple PNG (CgBI)"
    if content.startswith(jpeg.SIGNATURE):
        return None
    if content[_FTYP_AT:_BRANDS_AT] == b"ftyp":
        return _name_by_brands(content)
    head = content[:_LOOKED_AT_BYTES]
    text = head.decode(errors="replace")
    if (encoding := encoding_of(text) or (scheme_like(text) and _URL)) is not None:
        return encoding + ENCODED
    return next((name for pattern, name in _PATTERNS if pattern.match(head)), None) or _name_by_root(head)


def _name_by_root(head: bytes) -> str:
    root = _ROOT.search(_COMMENT.sub(b"", head)) if _MARKUP.match(head) else None
    return "no image" if root is None else _ROOTS[root[1].lower()]


def _name_by_brands(content: bytes) -> str:
    box_bytes = min(int.from_bytes(content[:_FTYP_AT], "big"), _LOOKED_AT_BYTES)
    brands = [content[at : at + 4] for at in (_BRANDS_AT, *range(_BRANDS_AT + 8, box_bytes, 4))]
    # The major brand comes first; an encoder may give a general one there and the codec's own after it.
    ours = (name for known, name in _BRANDS for brand in brands if brand in known)
    return next(ours, "a video (MP4 or MOV)")
