"""The corners of polygons beside what messages say of them one by one."""

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from wild_answers import USUAL_BOX, wild_polygons

from vision_grpc.arrow.corners import _cut_joined, cut_corners
from vision_grpc.arrow.quads import NUMBERS, read_quads
from vision_grpc.codec.wire_format import LENGTH_DELIMITED, VARINT, length_delimited, padded_varint, tag
from vision_grpc.messages import Polygon, Vertex

_FIRST, _LAST = Vertex(x=128, y=16_383), Vertex(x=16_383, y=128)
_USUAL = Polygon(vertices=[_FIRST, _LAST, _LAST, _FIRST]).SerializeToString()


def _clip(value: int) -> int:
    return min(max(value, -(2**31)), 2**31 - 1)


def _check(polygons: list[bytes]) -> None:
    flat: list[int] = []
    counts: list[int] = []
    boxes: list[tuple[int, int, int, int] | None] = []
    for polygon in polygons:
        corners = [(_clip(vertex.x), _clip(vertex.y)) for vertex in Polygon.FromString(polygon).vertices]
        counts.append(2 * len(corners))
        flat += [number for corner in corners for number in corner]
        xs, ys = [x for x, _ in corners], [y for _, y in corners]
        boxes.append((min(xs), min(ys), max(xs), max(ys)) if corners else None)
    cut = cut_corners(polygons)
    assert cut.polygons.tolist() == flat
    assert [*cut.counts] == counts
    assert len(cut.quads) == NUMBERS * len(polygons)
    for start, box in enumerate(boxes):
        quad = cut.quads[NUMBERS * start : NUMBERS * (start + 1)]
        assert (min(quad[::2]), min(quad[1::2]), max(quad[::2]), max(quad[1::2])) == (box or (0, 0, 0, 0))


@given(wild_polygons)
def test_corners_are_those_of_the_messages(polygons: list[bytes]) -> None:
    _check(polygons)


@given(wild_polygons, st.data())
def test_damaged_polygons_are_an_error_or_what_they_parse_as(polygons: list[bytes], data: st.DataObject) -> None:
    torn = bytearray(data.draw(st.sampled_from([_USUAL, *polygons])))
    if torn:
        torn[data.draw(st.integers(0, len(torn) - 1))] ^= data.draw(st.integers(1, 255))
    _check_damaged([_USUAL, bytes(torn), *polygons])


def _padded(x: int, y: int) -> bytes:
    return tag(1, VARINT) + padded_varint(x, 2) + tag(2, VARINT) + padded_varint(y, 2)


_OF_32_BYTES = {
    "the ends of two bytes": _USUAL,
    "padded numbers": length_delimited(1, _padded(0, 127)) * 4,
    "numbers of one and three bytes": Polygon(vertices=[Vertex(x=1, y=16_384)] * 4).SerializeToString(),
    "corners of four and eight bytes": Polygon(
        vertices=[Vertex(x=1, y=1), Vertex(x=16_384, y=16_384)] * 2
    ).SerializeToString(),
    "y before x": length_delimited(1, tag(2, VARINT) + b"\x80\x01" + tag(1, VARINT) + b"\x80\x02") * 4,
    "x twice": length_delimited(1, (tag(1, VARINT) + b"\x80\x01") * 2) * 4,
    "an unknown field": length_delimited(1, tag(1, VARINT) + b"\x80\x01" + tag(3, VARINT) + b"\x80\x02") * 4,
    "an unknown polygon": length_delimited(2, _padded(1, 2)) * 4,
    "no corner": length_delimited(15, bytes(30)),
    "a single corner": length_delimited(1, _padded(5, 6) + length_delimited(15, bytes(22))),
}


@pytest.mark.parametrize("polygon", _OF_32_BYTES.values(), ids=_OF_32_BYTES)
def test_a_polygon_of_as_many_bytes_as_a_usual_one_is_what_its_message_says(polygon: bytes) -> None:
    assert len(polygon) == 32
    _check([polygon])
    _check([_USUAL, polygon, b"", polygon])


def _check_damaged(polygons: list[bytes]) -> None:
    try:
        for polygon in polygons:
            Polygon.FromString(polygon)
    except DecodeError:
        with pytest.raises(DecodeError):
            cut_corners(polygons)
    else:
        _check(polygons)


def test_each_bit_of_a_usual_polygon_counts() -> None:
    for place in range(len(_USUAL)):
        for bit in range(8):
            flipped = bytearray(_USUAL)
            flipped[place] ^= 1 << bit
            _check_damaged([bytes(flipped)])


def test_usual_polygons_are_read_without_messages() -> None:
    """Else the tests here would compare messages with themselves."""
    at_edge = Polygon(vertices=[Vertex(x=0, y=5)] * 4).SerializeToString()
    numbers, others = read_quads([_USUAL, at_edge, _USUAL])
    assert [*others] == [1]
    assert (
        numbers[:NUMBERS].tolist()
        == numbers[-NUMBERS:].tolist()
        == [128, 16_383, 16_383, 128, 16_383, 128, 128, 16_383]
    )


def test_what_is_joined_between_polygons_is_not_taken_for_a_corner() -> None:
    usual = USUAL_BOX.SerializeToString()
    far = Polygon(vertices=[Vertex(x=2**31, y=2**31)]).SerializeToString()
    three = Polygon(vertices=USUAL_BOX.vertices[:3]).SerializeToString()
    five = Polygon(vertices=[*USUAL_BOX.vertices, Vertex(x=1, y=1)]).SerializeToString()
    assert _cut_joined([usual, usual]) is not None
    for polygons in ([three, five], [five, three], [usual + far, usual[:0]], [three + far, usual], [far * 4, usual]):
        assert _cut_joined(polygons) is None
        _check(polygons)
    # The last field of a torn one reaches over what is joined in, in place of which the next one brings the same.
    corner = Vertex(x=1, y=1).SerializeToString() + tag(3, LENGTH_DELIMITED) + bytes([len(far)])
    reaching = three + tag(1, LENGTH_DELIMITED) + bytes([len(corner) + len(far)]) + corner
    with pytest.raises(DecodeError):
        cut_corners([reaching, far + usual])
    for torn in (usual + far + b"\x12\x0e", usual + b"\x0a\x12\x08\x05\x10\x06", usual + b"\x0a", usual[:-1]):
        with pytest.raises(DecodeError):
            cut_corners([torn, usual])
