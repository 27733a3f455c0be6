"""A request's JSON in slices: only one slice exists at a time, and the whole length is known in advance."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Self

from pybase64 import b64encode

from vision_grpc.codec.json.printer import members_printer_of, print_message
from vision_grpc.codec.json.tree import quote
from vision_grpc.messages import AnalyzeSpec, BatchAnalyzeRequest, Feature

SLICE_BYTES = 128 * 1024
"""As much as stays in the processor's cache on its way to the socket, beside the slices of other calls. With 384 KB,
malloc in some processes returned the memory to the system after each slice, which took 1.5 times the CPU."""

_Piece = bytes | memoryview
"""JSON text, or image content that becomes base64."""

_spec_members_but_content = members_printer_of(AnalyzeSpec.DESCRIPTOR, without=frozenset({"content"}))


class RequestBody:
    """The bytes of a BatchAnalyzeRequest as JSON; iterate over it each time it is sent.

    `bytes(body)` gives all of them at once.
    """

    def __init__(self, pieces: Iterable[_Piece], *, slice_bytes: int = SLICE_BYTES) -> None:
        self._pieces = list(pieces)
        # Only whole triples of bytes become base64 without padding.
        self._content_bytes = max(slice_bytes // 4, 1) * 3
        self._slice_bytes = slice_bytes
        self.content_length: int = sum(map(_json_length, self._pieces))

    @classmethod
    def of_request(cls, request: BatchAnalyzeRequest, *, slice_bytes: int = SLICE_BYTES) -> Self:
        """Return the body of a request; protobuf gives the images as copies, which the body keeps."""

        def pieces() -> Iterator[_Piece]:
            separator = b'{"analyzeSpecs":['
            for spec in request.analyze_specs[:]:
                yield separator
                yield from _spec_pieces(spec)
                separator = b","
            if request.analyze_specs:
                yield b"]" + _folder(request.folder_id, b",")
            else:
                yield b"{" + _folder(request.folder_id, b"")

        return cls(pieces(), slice_bytes=slice_bytes)

    @classmethod
    def of_contents(
        cls, contents: Sequence[bytes], features: Sequence[Feature], folder_id: str, *, slice_bytes: int = SLICE_BYTES
    ) -> Self:
        """Return the body of a request for the same features of each image; no image is copied."""
        spec_tail = _spec_tail(tuple([feature.SerializeToString() for feature in features]))

        def pieces() -> Iterator[_Piece]:
            separator = b'{"analyzeSpecs":['
            for content in contents:
                yield separator + b'{"content":"'
                yield memoryview(content)
                yield spec_tail
                separator = b","
            yield (b"]" if contents else b'{"analyzeSpecs":[]') + _folder(folder_id, b",")

        return cls(pieces(), slice_bytes=slice_bytes)

    def __bytes__(self) -> bytes:
        return b"".join([piece if isinstance(piece, bytes) else b64encode(piece) for piece in self._pieces])

    def __iter__(self) -> Iterator[bytes]:
        slice_: list[bytes] = []
        length = 0
        for piece in self._small_pieces():
            more = _json_length(piece)
            # Before anything is encoded, so that the next slice may reuse this one's memory, which is in the cache.
            if slice_ and length + more > self._slice_bytes:
                yield b"".join(slice_)  # A single one is not copied.
                slice_, length = [], 0
            slice_.append(piece if isinstance(piece, bytes) else b64encode(piece))
            length += more
        yield b"".join(slice_)

    def _small_pieces(self) -> Iterator[_Piece]:
        for piece in self._pieces:
            if isinstance(piece, bytes):
                yield piece
            else:
                # The short one first, so that it is joined to the piece before it.
                whole_ones = (len(piece) - 1) // self._content_bytes * self._content_bytes
                start, end = 0, -(-(len(piece) - whole_ones) // 3) * 3
                while start < len(piece):
                    yield piece[start:end]
                    start, end = end, end + self._content_bytes


@lru_cache
def _spec_tail(features: tuple[bytes, ...]) -> bytes:
    """Return the JSON after an image, by the wire bytes of its features, which are the same throughout a stream."""
    return f'","features":[{",".join(print_message(Feature.FromString(feature)) for feature in features)}]}}'.encode()


def _spec_pieces(spec: AnalyzeSpec) -> Iterator[_Piece]:
    others = ",".join(_spec_members_but_content(spec)).encode()
    if not spec.HasField("content"):
        yield b"{" + others + b"}"
        return
    yield b'{"content":"'
    yield memoryview(spec.content)
    yield b'"' + (b"," if others else b"") + others + b"}"


def _folder(folder_id: str, separator: bytes) -> bytes:
    return (separator + f'"folderId":{quote(folder_id)}'.encode() if folder_id else b"") + b"}"


def _json_length(piece: _Piece) -> int:
    return len(piece) if isinstance(piece, bytes) else -(-len(piece) // 3) * 4
