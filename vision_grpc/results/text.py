"""The text of an answer, read without its geometry.

A page is mostly boxes, confidences and languages. By `slim`, the words of a line become one message with a list of
texts, and nothing is kept of all the boxes. They are checked nevertheless, so that a damaged answer has no text either.
Measured on a page of 300 words: half of what the whole message takes, and 1.6 times of what it would take if all
but the texts were skipped, unchecked. To parse the lines as one, with a line feed between them, is not faster.

In JSON no part can be skipped safely; see `TextReader`.
"""

from collections.abc import Iterable
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from vision_grpc.codec.json import TextReader
from vision_grpc.messages import AnalyzeResult
from vision_grpc.results.slim import slim_class

_PATH_TO_TEXT = ("results", "text_detection", "pages", "blocks", "lines", "words", "text")
_PATH_TO_PAGES = _PATH_TO_TEXT[:3]
_REPEATED = {"results", "pages", "blocks", "lines"}


def join_text(pages: Iterable[Any]) -> str:
    """Return the text of pages: words joined by spaces, a line each, blocks apart by an empty line."""
    blocks = [
        "\n".join([" ".join([word.text for word in line.words if word.text]) for line in block.lines])
        for page in pages
        for block in page.blocks
    ]
    return "\n\n".join(blocks)


def read_text(wire: bytes) -> str:
    """Return the text in the wire bytes of an AnalyzeResult: that of the first text feature.

    Raises:
        DecodeError: the bytes are not an AnalyzeResult.
        UnicodeDecodeError: a word is not UTF-8.
    """
    result: Any = _SlimResult.FromString(wire)
    # Of all features, because each has to be UTF-8.
    texts = [_join(feature.text_detection) for feature in result.results if feature.HasField("text_detection")]
    return texts[0] if texts else ""


def _join(annotation: Any) -> str:  # noqa: ANN401 - of a slim class
    blocks = [
        b"\n".join([_join_words(line.words.text[:]) for line in block.lines])
        for page in annotation.pages
        for block in page.blocks
    ]
    return b"\n\n".join(blocks).decode()


def _join_words(texts: list[bytes]) -> bytes:
    # Seldom is one empty. A list, from a slice, is joined faster than a filter and than protobuf's container.
    return b" ".join(filter(None, texts) if b"" in texts else texts)


def read_json_text(data: bytes) -> str | None:
    """Return the text in the JSON of an AnalyzeResult, None when only reading the whole can decide."""
    return _json_reader.read(data)


def _join_first(result: Any) -> str:  # noqa: ANN401 - a struct
    texts = (feature.text_detection for feature in result.results if feature.text_detection is not None)
    annotation = next(texts, None)
    return "" if annotation is None else join_text(annotation.pages)


def _redeclare(message: str, field: FieldDescriptorProto) -> None:
    kinds = FieldDescriptorProto
    if (message, field.name) == ("Word", "text"):
        # As bytes: decoding the whole text once is faster than decoding each word. Other texts the parser checks.
        field.label, field.type = kinds.LABEL_REPEATED, kinds.TYPE_BYTES
    elif field.type == kinds.TYPE_MESSAGE and field.name not in _REPEATED:
        field.label = kinds.LABEL_OPTIONAL


_SlimResult = slim_class(AnalyzeResult, "vision_grpc.text", _redeclare)
_json_reader = TextReader(AnalyzeResult.DESCRIPTOR, _PATH_TO_PAGES, _join_first)
