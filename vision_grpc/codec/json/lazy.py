"""An answer whose images are parsed when they are read."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, cast, overload

import msgspec

from vision_grpc.codec.json.codec import from_json
from vision_grpc.codec.json.structs import outline_decoder_of
from vision_grpc.errors import ProtocolError
from vision_grpc.messages import AnalyzeResult, BatchAnalyzeResponse

_HEAD = re.compile(rb'[ \t\r\n]*\{[ \t\r\n]*"results"[ \t\r\n]*:[ \t\r\n]*\[[ \t\r\n]*')
_SEPARATOR = re.compile(rb"[ \t\r\n]*,[ \t\r\n]*")
_TAIL = re.compile(rb"[ \t\r\n]*\][ \t\r\n]*\}[ \t\r\n]*\Z")

_Item = bytes | AnalyzeResult
"""A result as JSON, or one that has been read."""


class LazyAnswer(Sequence[AnalyzeResult]):
    """The results of a BatchAnalyzeResponse, in the order of the request's specs.

    Each is parsed when it is first read, and kept. Reading a result that is not valid raises ProtocolError; the
    others can still be read.
    """

    def __init__(self, items: Sequence[_Item]) -> None:
        self._items = list(items)

    @property
    def items(self) -> Sequence[bytes | AnalyzeResult]:
        """The results as JSON; those that have been read, as messages."""
        return self._items

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, index: int) -> AnalyzeResult: ...
    @overload
    def __getitem__(self, index: slice) -> "LazyAnswer": ...
    def __getitem__(self, index: int | slice) -> "AnalyzeResult | LazyAnswer":
        if isinstance(index, slice):
            return LazyAnswer(self._items[index])
        item = self._items[index]
        if isinstance(item, bytes):
            try:
                item = from_json(item, AnalyzeResult)
            except ProtocolError as error:
                message = f"results[{index % len(self)}]: {error}"
                raise ProtocolError(message) from error
            self._items[index] = item
        return item

    def __iter__(self) -> Iterator[AnalyzeResult]:
        return (self[index] for index in range(len(self)))


def split_results(data: bytes, *, most: int | None = None) -> LazyAnswer:
    """Return the results of an answer without parsing them.

    An answer that holds anything but results is parsed at once, because all of it must be valid.

    Raises:
        ProtocolError: the data is not JSON, not a BatchAnalyzeResponse, or has more than `most` results. An error
            within one result is raised when that is read.
    """
    items = _cut(data, most)
    return LazyAnswer(from_json(data, BatchAnalyzeResponse).results[:] if items is None else items)


def _cut(data: bytes, most: int | None) -> Sequence[_Item] | None:
    """Return the JSON of each result, None unless the text is nothing but a list of them."""
    try:
        outline = cast("Any", outline_decoder_of(BatchAnalyzeResponse.DESCRIPTOR).decode(data))
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    if most is not None and len(outline.results) > most:
        message = f"{len(outline.results)} results in an answer, which has at most {most}"
        raise ProtocolError(message)
    head = _HEAD.match(data)
    if head is None:
        return None
    # Of two lists of results the decoder gives the last. It is the only one if the text holds nothing else.
    position, items = head.end(), list[_Item]()
    for raw in outline.results:
        if items:
            separator = _SEPARATOR.match(data, position)
            if separator is None:
                return None
            position = separator.end()
        # A copy, so that a result that is kept does not keep the whole answer.
        item = bytes(raw)
        if not (item.startswith(b"{") and data.startswith(item, position)):
            return None
        items.append(item)
        position += len(item)
    return items if _TAIL.match(data, position) else None
