"""Bodies of HTTP answers in every coding, cut into pieces anywhere."""

import gzip
import zlib
from collections.abc import Callable

import pytest

from vision_grpc.errors import ProtocolError, RequestTooLargeError
from vision_grpc.network.http.body import AnswerBody

_CONTENT = bytes(range(256)) * 3
_LIMIT = 100_000


def _raw(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush()


def _members(content: bytes) -> bytes:
    return b"".join(gzip.compress(content[start : start + 100]) for start in range(0, len(content), 100))


_PACKED: dict[str, tuple[str, bytes]] = {
    "nothing": ("", _CONTENT),
    "identity": ("identity", _CONTENT),
    "in capitals": ("GZip", gzip.compress(_CONTENT)),
    "gzip": ("gzip", gzip.compress(_CONTENT)),
    "x-gzip": ("x-gzip", gzip.compress(_CONTENT)),
    "gzip with a file name": (
        "gzip",
        gzip.compress(_CONTENT)[:3] + b"\x08" + gzip.compress(_CONTENT)[4:10] + b"a\0" + gzip.compress(_CONTENT)[10:],
    ),
    "members": ("gzip", _members(_CONTENT)),
    "an empty member at the end": ("gzip", gzip.compress(_CONTENT) + gzip.compress(b"")),
    "an empty member at the start": ("gzip", gzip.compress(b"") + gzip.compress(_CONTENT)),
    "zeros at the end": ("gzip", gzip.compress(_CONTENT) + bytes(512)),
    "zeros between members": ("gzip", gzip.compress(_CONTENT[:9]) + bytes(9) + gzip.compress(_CONTENT[9:]) + b"\0"),
    "stored": ("gzip", gzip.compress(_CONTENT, 0)),
    "deflate": ("deflate", zlib.compress(_CONTENT)),
    "deflate at its best": ("deflate", zlib.compress(_CONTENT, 9)),
    "deflate without a frame": ("deflate", _raw(_CONTENT)),
    "deflate and zeros": ("deflate", zlib.compress(_CONTENT) + b"\0\0"),
    "no coding by other names": ("identity, none,utf-8 , ", _CONTENT),
    "gzip among no codings": ("identity, gzip,", gzip.compress(_CONTENT)),
    "gzip twice": ("gzip, gzip", gzip.compress(gzip.compress(_CONTENT))),
    "two codings": ("gzip, deflate", zlib.compress(_members(_CONTENT))),
    "four codings": ("gzip,deflate,gzip,deflate", _raw(gzip.compress(zlib.compress(_members(_CONTENT))))),
}


def _unpack(coding: str, packed: bytes, piece_bytes: int, limit: int = _LIMIT) -> bytes:
    body = AnswerBody(coding, limit)
    assert body.is_unpacked
    for start in range(0, len(packed), piece_bytes):
        body.add(packed[start : start + piece_bytes])
    body.check()
    return body.content()


@pytest.mark.parametrize("form", _PACKED)
@pytest.mark.parametrize("piece_bytes", [1, 2, 3, 97, 1_000_000])
def test_a_body_is_unpacked_whatever_its_pieces(form: str, piece_bytes: int) -> None:
    coding, packed = _PACKED[form]
    assert _unpack(coding, packed, piece_bytes) == _CONTENT


@pytest.mark.parametrize("coding", ["", "gzip", "deflate", "gzip, deflate"])
def test_an_empty_body_is_in_any_coding(coding: str) -> None:
    assert _unpack(coding, b"", 1) == b""


@pytest.mark.parametrize(
    ("coding", "pack"), [("gzip", gzip.compress), ("gzip", _members), ("deflate", zlib.compress), ("deflate", _raw)]
)
def test_a_body_that_is_cut_is_not_complete(coding: str, pack: Callable[[bytes], bytes]) -> None:
    packed = pack(_CONTENT)
    ends = {len(pack(_CONTENT[:size])) for size in range(100, len(_CONTENT), 100)} if pack is _members else set()
    for length in set(range(1, len(packed))) - ends:
        with pytest.raises(ProtocolError, match="not encoded as it says: its end is missing"):
            _unpack(coding, packed[:length], 50)


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", b"no gzip at all"),
        ("gzip", _CONTENT),
        ("gzip", zlib.compress(_CONTENT)),
        ("gzip", gzip.compress(_CONTENT) + b"x"),
        ("gzip", gzip.compress(_CONTENT) + b"\0\0something else"),
        ("gzip", bytes(9) + gzip.compress(_CONTENT)),
        ("gzip", gzip.compress(_CONTENT)[:-8] + bytes(8)),
        ("deflate", b"\xff" * 40),
        ("deflate", zlib.compress(_CONTENT) + b"xx"),
        ("deflate", zlib.compress(_CONTENT)[:-4] + bytes(4)),
        ("gzip, gzip", gzip.compress(_CONTENT)),
        ("gzip", gzip.compress(b"") * 10_001),
    ],
)
def test_a_body_that_is_not_encoded_as_it_says_is_refused(coding: str, packed: bytes) -> None:
    with pytest.raises(ProtocolError, match="not encoded as it says"):
        _unpack(coding, packed, 1_000, 10 * _LIMIT)


@pytest.mark.parametrize(
    "coding", ["br", "zstd", "compress", "gzip, br", "br, gzip", "chunked", "gzip gzip", "gzip," * 5]
)
def test_a_body_in_an_unknown_coding_stays_as_it_is(coding: str) -> None:
    body = AnswerBody(coding, _LIMIT)
    body.add(b"anything")
    body.check()
    assert (body.is_unpacked, body.content()) == (False, b"anything")


_BOMB = gzip.compress(bytes(50_000_000), 9)


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("", bytes(_LIMIT + 1)),
        ("gzip", gzip.compress(bytes(_LIMIT + 1))),
        ("gzip", gzip.compress(bytes(_LIMIT)) + gzip.compress(b"x")),
        ("gzip", _BOMB),
        ("gzip, gzip", gzip.compress(_BOMB, 9)),
        ("deflate", _raw(bytes(50_000_000))),
        ("gzip", gzip.compress(b"x") + bytes(_LIMIT)),
        # Of what would unpack into nothing, too much comes out of the first coding.
        ("gzip, gzip", gzip.compress(gzip.compress(b"") + bytes(50_000_000), 9)),
    ],
)
def test_a_body_that_is_too_long_is_given_up_before_it_is_all_there(coding: str, packed: bytes) -> None:
    with pytest.raises(RequestTooLargeError, match=f"longer than {_LIMIT} bytes"):
        _unpack(coding, packed, 1_000)


def test_a_body_as_long_as_allowed_is_read() -> None:
    content = bytes(_LIMIT)
    assert _unpack("", content, 1_000) == _unpack("gzip", gzip.compress(content), 10) == content
