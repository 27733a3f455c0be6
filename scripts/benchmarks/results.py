"""What reading a page through views costs beside its messages, and what results are as plain values and in pickles."""

import argparse
import json
import pickle
from collections.abc import Callable, Sequence

from benchmarks.answers import text_page
from benchmarks.json_codec import Case, measure
from vision_grpc import to_json
from vision_grpc.messages import AnalyzeResult
from vision_grpc.results import ImageResult
from vision_grpc.results.outcomes import WireOutcome

_MOST = 1.3


def main(argv: Sequence[str]) -> None:
    """Print the CPU seconds of each way, those of the first over the other's, and the sizes of pickles."""
    parser = argparse.ArgumentParser(prog="bench.py results", description=__doc__)
    parser.add_argument("--rounds", type=int, default=31)
    options = parser.parse_args(argv)
    wire = text_page().SerializeToString()
    cases = [
        Case("texts, by words()", lambda: _texts(wire), lambda: [word.text for word in _result(wire).words()], _MOST),
        Case("texts, by pages, blocks, lines", lambda: _texts(wire), lambda: _texts_by_level(wire), _MOST),
        Case("all of a word, by words()", lambda: _words(wire), lambda: _words_by_views(wire), _MOST),
        Case("all of a word, by levels", lambda: _words(wire), lambda: _words_by_level(wire), _MOST),
        Case("to_dict()", lambda: _words(wire), lambda: _result(wire).to_dict()),
        Case("to_dict(detail='text')", lambda: _words(wire), lambda: _result(wire).to_dict(detail="text")),
        Case("json.dumps(to_dict())", lambda: _words(wire), lambda: json.dumps(_result(wire).to_dict())),
        Case("to_json(result)", lambda: _words(wire), lambda: to_json(_result(wire))),
    ]
    print(f"{'a page of 300 words, parsed anew':34}{'messages':>11}{'result':>11}{'ratio':>8}{'at most':>9}")
    for case, messages, ours in measure(cases, options.rounds):
        target = "" if case.target is None else f"{case.target:9.1f}"
        print(f"{case.name:34}{messages * 1e3:8.2f} ms{ours * 1e3:8.2f} ms{ours / messages:8.2f}{target}")
    print(f"\nbytes of a pickle, of an answer of {len(wire):,}")
    for name, read in _READINGS.items():
        result = _result(wire)
        read(result)
        print(f"{name:34}{len(pickle.dumps(result)):11,}")


_READINGS: dict[str, Callable[[ImageResult], object]] = {
    "nothing was read": lambda _: None,
    "its text was read": lambda result: result.text,
    "its words were read": lambda result: [word.box for word in result.words()],
    "to_dict() was called": lambda result: result.to_dict(),
}


def _result(wire: bytes) -> ImageResult:
    return ImageResult("scan.png", WireOutcome(wire, has_error=False))


def _texts(wire: bytes) -> list[str]:
    return [
        word.text
        for feature in AnalyzeResult.FromString(wire).results
        for page in feature.text_detection.pages
        for block in page.blocks
        for line in block.lines
        for word in line.words
    ]


def _texts_by_level(wire: bytes) -> list[str]:
    return [
        word.text
        for page in _result(wire).pages
        for block in page.blocks
        for line in block.lines
        for word in line.words
    ]


def _words(wire: bytes) -> list[object]:
    words: list[object] = []
    for feature in AnalyzeResult.FromString(wire).results:
        for page in feature.text_detection.pages:
            for block in page.blocks:
                for line in block.lines:
                    for word in line.words:
                        xs = [vertex.x for vertex in word.bounding_box.vertices]
                        ys = [vertex.y for vertex in word.bounding_box.vertices]
                        languages = [each.language_code for each in word.languages]
                        words.append((word.text, word.confidence, (min(xs), min(ys), max(xs), max(ys)), languages))
    return words


def _words_by_views(wire: bytes) -> list[object]:
    return [(word.text, word.confidence, word.box, word.languages) for word in _result(wire).words()]


def _words_by_level(wire: bytes) -> list[object]:
    return [
        (word.text, word.confidence, word.box, word.languages)
        for page in _result(wire).pages
        for block in page.blocks
        for line in block.lines
        for word in line.words
    ]
