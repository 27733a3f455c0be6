"""The text of an answer, read without its geometry.

A page is mostly boxes, confidences and languages. Messages that declare only the fields on the path to the words,
with the contract's field numbers, make the parser skip the rest. And if a repeated field is declared singular, the
parser merges its values (see "Last One Wins" in the encoding's specification): so the words of a line become one
message with a list of texts. Measured on a page of 300 words: 50 us, against 105 us for walking from word to word,
and 155 us for the whole message.

In JSON no part can be skipped safely; see `TextReader`.
"""

from collections.abc import Iterable
from typing import Any

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from vision_grpc.codec.json import TextReader
from vision_grpc.messages import AnalyzeResult

_PACKAGE = "vision_grpc.text"
_PATH_TO_TEXT = ("results", "text_detection", "pages", "blocks", "lines", "words", "text")
_PATH_TO_PAGES = _PATH_TO_TEXT[:3]


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
    texts = (feature.text_detection for feature in result.results if feature.HasField("text_detection"))
    annotation = next(texts, None)
    if annotation is None:
        return ""
    blocks = [
        # A slice is a list, which is joined faster than protobuf's container.
        b"\n".join([b" ".join(line.words.text[:]) for line in block.lines])
        for page in annotation.pages
        for block in page.blocks
    ]
    return b"\n\n".join(blocks).decode()


def read_json_text(data: bytes) -> str | None:
    """Return the text in the JSON of an AnalyzeResult, None when only reading the whole can decide."""
    return _json_reader.read(data)


def _join_first(result: Any) -> str:  # noqa: ANN401 - a struct
    texts = (feature.text_detection for feature in result.results if feature.text_detection is not None)
    annotation = next(texts, None)
    return "" if annotation is None else join_text(annotation.pages)


def _build() -> type[Message]:
    file = FileDescriptorProto(name="vision_grpc/text.proto", package=_PACKAGE, syntax="proto3")
    whole = AnalyzeResult.DESCRIPTOR
    for name in _PATH_TO_TEXT:
        field = whole.fields_by_name[name]
        declared = DescriptorProto()
        whole.CopyToProto(declared)
        slim = file.message_type.add(name=whole.name)
        slim.field.extend(candidate for candidate in declared.field if candidate.name == name)
        slim.field[0].ClearField("oneof_index")
        slim.field[0].ClearField("options")
        if name == "words":
            slim.field[0].label = FieldDescriptorProto.LABEL_OPTIONAL
        elif name == "text":
            # As bytes: decoding the whole text once is faster than decoding each word.
            slim.field[0].label, slim.field[0].type = (
                FieldDescriptorProto.LABEL_REPEATED,
                FieldDescriptorProto.TYPE_BYTES,
            )
        if field.message_type is not None:
            whole = field.message_type
            slim.field[0].type_name = f".{_PACKAGE}.{whole.name}"
    pool = DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{AnalyzeResult.DESCRIPTOR.name}"))


_SlimResult = _build()
_json_reader = TextReader(AnalyzeResult.DESCRIPTOR, _PATH_TO_PAGES, _join_first)
