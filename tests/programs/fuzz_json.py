"""Fuzz `from_json`, `split_results` and `to_json` with atheris until something disagrees or raises what it should not.

    pip install atheris
    PYTHONPATH=tests python tests/programs/fuzz_json.py -max_total_time=600

Further arguments are libFuzzer's: a folder to keep the corpus in, or a file with an input that failed. The first
byte of an input chooses the message type and whether unknown fields are ignored; the rest is the text.
"""

import json
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["vision_grpc.codec.json"]):
    from json_oracle import check, comparable, read

    from vision_grpc.codec.json import split_results, to_json

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from vision_grpc.codec.json.fields import fields_of
from vision_grpc.errors import ProtocolError
from vision_grpc.messages import BatchAnalyzeRequest, BatchAnalyzeResponse, Line, Status

_CLASSES: list[type[Message]] = [BatchAnalyzeResponse, BatchAnalyzeRequest, Line, Status]
_VECTORS = Path(__file__).parents[1] / "data" / "proto3_json.json"


def _fuzz(data: bytes) -> None:
    if not data:
        return
    message_class = _CLASSES[data[0] % len(_CLASSES)]
    ignore_unknown, text = bool(data[0] & 0x80), data[1:]
    check(message_class, text, ignore_unknown=ignore_unknown)
    message = read(message_class, text, ignore_unknown=ignore_unknown)
    if isinstance(message, Message):
        assert comparable(read(message_class, to_json(message), ignore_unknown=True)) == comparable(message)
    if message_class is BatchAnalyzeResponse and ignore_unknown:
        _check_split(text, message)


def _check_split(text: bytes, whole: Message | ProtocolError) -> None:
    try:
        results = list(split_results(text))
    except ProtocolError:
        assert isinstance(whole, ProtocolError)
    else:
        assert isinstance(whole, BatchAnalyzeResponse)
        assert list(map(comparable, results)) == list(map(comparable, whole.results))


def _write_seeds(folder: Path) -> None:
    """Write the vectors as inputs, to begin with."""
    vectors = json.loads(_VECTORS.read_bytes())
    names = {message_class.DESCRIPTOR.full_name: index for index, message_class in enumerate(_CLASSES)}
    cases = [case for kind in ("roundtrip", "parse", "reject") for case in vectors[kind] if case["type"] in names]
    for number, case in enumerate(cases):
        head = bytes([names[case["type"]] | 0x80 * (number % 2)])
        (folder / f"vector-{number}").write_bytes(head + case["json"].encode())


def _write_words(file: Path) -> None:
    """Write the keys of the contract, for libFuzzer to insert: https://llvm.org/docs/LibFuzzer.html#dictionaries."""
    words = {"@type", "type.googleapis.com/google.rpc.RetryInfo", "true", "null", "NaN", "1e3", "\\\\u003a"}
    for message_class in _CLASSES:
        _add_names(message_class.DESCRIPTOR, words)  # type: ignore[arg-type]
    file.write_text("".join(f'"{word}"\n' for word in sorted(words)))


def _add_names(descriptor: Descriptor, words: set[str]) -> None:
    for field in fields_of(descriptor):
        words |= {field.name, field.json_name}
        if field.message is not None:
            _add_names(field.message, words)


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        seeds, words = Path(scratch) / "seeds", Path(scratch) / "words"
        seeds.mkdir()
        _write_seeds(seeds)
        _write_words(words)
        # The first folder is the one that libFuzzer adds to.
        atheris.Setup([*sys.argv, str(seeds), f"-dict={words}"], _fuzz)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
