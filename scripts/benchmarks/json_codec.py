"""How fast the JSON codec is, beside protobuf's own json_format, interleaved in one run."""

import argparse
import random
import statistics
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from google.protobuf import json_format
from google.protobuf.message import Message

from vision_grpc.codec.json import RequestBody, from_json, split_results, to_json
from vision_grpc.messages import (
    AnalyzeResult,
    AnalyzeSpec,
    BatchAnalyzeRequest,
    BatchAnalyzeResponse,
    Block,
    Feature,
    FeatureResult,
    FeatureTextDetectionConfig,
    Line,
    Page,
    Polygon,
    TextAnnotation,
    Vertex,
    Word,
)
from vision_grpc.results.outcomes import JsonOutcome, text_of
from vision_grpc_pb._pool import POOL

_PAGES, _LINES, _WORDS = 8, 30, 10
_IMAGE_BYTES = 1_000_000
_ALPHABETS = ("abcdefghijklmnopqrstuvwxyz", "абвгдежзийклмнопрстуфхцчшщъыьэюя")


class Case(NamedTuple):
    """Two ways to the same end."""

    name: str
    theirs: Callable[[], object]
    ours: Callable[[], object]
    target: float | None = None


class Shape(NamedTuple):
    """What makes words unlike the usual ones."""

    languages: int = 1
    vertices: int = 4
    offset: int = 0
    entity_index: int = -1


def main(argv: Sequence[str]) -> None:
    """Print the ratio of CPU seconds for each case, theirs over ours."""
    parser = argparse.ArgumentParser(prog="bench.py json", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help="beginnings of names; all by default")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args(argv)
    cases = [case for case in _cases() if not options.cases or case.name.startswith(tuple(options.cases))]
    print(f"{'case':32}{'json_format':>13}{'ours':>11}{'ratio':>8}{'target':>8}")
    for case, theirs, ours in measure(cases, options.rounds):
        ratio = theirs / ours
        target = "" if case.target is None else f"{case.target:8.0f}"
        print(f"{case.name:32}{theirs * 1e3:10.2f} ms{ours * 1e3:8.2f} ms{ratio:8.1f}{target}")


def measure(cases: list[Case], rounds: int) -> list[tuple[Case, float, float]]:
    """Return median CPU seconds of both ways; the rounds of all cases take turns, so that noise strikes all.

    A turn of ours takes about as long as one of theirs, so that what the one leaves in caches and memory weighs as
    little for the other.
    """
    times = {case.name: _times_as_fast(case) for case in cases}
    taken: dict[str, tuple[list[float], list[float]]] = {case.name: ([], []) for case in cases}
    for _ in range(rounds):
        for case in cases:
            theirs, ours = taken[case.name]
            theirs.append(_cpu_seconds(case.theirs, 1))
            ours.append(_cpu_seconds(case.ours, times[case.name]))
    return [(case, statistics.median(taken[case.name][0]), statistics.median(taken[case.name][1])) for case in cases]


def _times_as_fast(case: Case) -> int:
    _cpu_seconds(case.ours, 5)
    return max(1, round(_cpu_seconds(case.theirs, 1) / _cpu_seconds(case.ours, 5)))


def _cpu_seconds(run: Callable[[], object], times: int) -> float:
    started = time.process_time()
    for _ in range(times):
        run()
    return (time.process_time() - started) / times


def _cases() -> list[Case]:
    canonical = _answer(Shape())
    data, request = _text(canonical).encode(), _request()
    page = _text(canonical.results[0]).encode()
    content, feature = request.analyze_specs[0].content, request.analyze_specs[0].features[0]
    return [
        _reading("read 8 pages", canonical, 15),
        _reading("read, no languages", _answer(Shape(languages=0)), 10),
        _reading("read, two languages", _answer(Shape(languages=2)), 10),
        _reading("read, five vertices", _answer(Shape(vertices=5)), 10),
        _reading("read, negative coordinates", _answer(Shape(offset=-3000)), 10),
        _reading("read, no entity index", _answer(Shape(entity_index=0))),
        _reading("read, shapes mixed", _mixed_answer()),
        _reading("read, indented", canonical, indent=2),
        _reading("read, numbers as numbers", canonical, quoted=False),
        _reading("read, unknown fields", canonical, unknown=True),
        Case(
            "text of a page over REST",
            lambda: text_of(json_format.Parse(page, AnalyzeResult(), descriptor_pool=POOL)),
            lambda: JsonOutcome(page).text(),
        ),
        Case(
            "the same, theirs by from_json",
            lambda: text_of(from_json(page, AnalyzeResult)),
            lambda: JsonOutcome(page).text(),
        ),
        Case("split, nothing read", lambda: _parse(data), lambda: split_results(data), 80),
        Case("print 8 pages", lambda: _print(canonical), lambda: to_json(canonical), 5),
        Case("print 1 MB request", lambda: _print(request), lambda: to_json(request)),
        Case("send 1 MB request", lambda: _print(request), lambda: _send(RequestBody.of_request(request))),
        Case(
            "send 1 MB image",
            lambda: _print(request),
            lambda: _send(RequestBody.of_contents([content], [feature], "b1g")),
            50,
        ),
    ]


def _reading(
    name: str,
    answer: Message,
    target: float | None = None,
    *,
    indent: int | None = None,
    quoted: bool = True,
    unknown: bool = False,
) -> Case:
    text = _text(answer, indent=indent)
    if not quoted:
        for key in ("x", "y", "entityIndex"):
            text = _unquote(text, key)
    if unknown:
        text = text.replace('"text":', '"new":{"a":[1]},"text":')
    data = text.encode()
    assert from_json(data, BatchAnalyzeResponse) == answer  # noqa: S101 - wrong results are not worth measuring
    return Case(name, lambda: _parse(data), lambda: from_json(data, BatchAnalyzeResponse), target)


def _text(answer: Message, *, indent: int | None = None) -> str:
    text = json_format.MessageToJson(answer, indent=indent, ensure_ascii=False, descriptor_pool=POOL)
    # json_format has no way to leave the spaces out, as services do.
    return text.replace('": ', '":').replace(', "', ',"').replace(", {", ",{") if indent is None else text


def _unquote(text: str, key: str) -> str:
    head, *rest = text.split(f'"{key}":"')
    return head + "".join(f'"{key}":{part.replace(chr(34), "", 1)}' for part in rest)


def _parse(data: bytes) -> Message:
    return json_format.Parse(data, BatchAnalyzeResponse(), ignore_unknown_fields=True, descriptor_pool=POOL)


def _print(message: Message) -> bytes:
    return json_format.MessageToJson(message, indent=None, ensure_ascii=False, descriptor_pool=POOL).encode()


def _send(body: RequestBody) -> int:
    return sum(map(len, body))


def _answer(shape: Shape) -> BatchAnalyzeResponse:
    source = random.Random(1)  # noqa: S311 - pages, not secrets
    return BatchAnalyzeResponse(results=[_result(source, lambda: shape) for _ in range(_PAGES)])


def _mixed_answer() -> BatchAnalyzeResponse:
    source = random.Random(2)  # noqa: S311
    shapes = [Shape(), Shape(languages=0), Shape(languages=2), Shape(vertices=5)]
    return BatchAnalyzeResponse(results=[_result(source, lambda: source.choice(shapes)) for _ in range(_PAGES)])


def _result(source: random.Random, next_shape: Callable[[], Shape]) -> AnalyzeResult:
    lines = [_line(source, 100 + 60 * row, next_shape) for row in range(_LINES)]
    blocks = [Block(bounding_box=_box(80, 90, 1500, 1900, Shape()), lines=lines)]
    page = Page(width=1654, height=2339, blocks=blocks)
    return AnalyzeResult(results=[FeatureResult(text_detection=TextAnnotation(pages=[page]))])


def _line(source: random.Random, top: int, next_shape: Callable[[], Shape]) -> Line:
    confidence = round(source.uniform(0.7, 1), 9)
    words, left = list[Word](), 100
    for _ in range(_WORDS):
        text = "".join(source.choices(source.choice(_ALPHABETS), k=source.randint(1, 12)))
        text += source.choice(["", "", "", ",", ".", ":"])
        words.append(_word(text, left, top, confidence, next_shape()))
        left += 12 * len(text) + 9
    return Line(bounding_box=_box(100, top, left, top + 40, Shape()), words=words, confidence=confidence)


def _word(text: str, left: int, top: int, confidence: float, shape: Shape) -> Word:
    codes = ("ru", "en")[: shape.languages]
    return Word(
        bounding_box=_box(left, top, left + 12 * len(text), top + 40, shape),
        text=text,
        confidence=confidence,
        languages=[Word.DetectedLanguage(language_code=code, confidence=confidence) for code in codes],
        entity_index=shape.entity_index,
    )


def _box(left: int, top: int, right: int, bottom: int, shape: Shape) -> Polygon:
    corners = [(left, top), (left, bottom), (right, bottom), (right, top), (left + 1, top)][: shape.vertices]
    return Polygon(vertices=[Vertex(x=x + shape.offset, y=y + shape.offset) for x, y in corners])


def _request() -> BatchAnalyzeRequest:
    content = random.Random(3).randbytes(_IMAGE_BYTES)  # noqa: S311
    config = FeatureTextDetectionConfig(language_codes=["*"])
    feature = Feature(type=Feature.TEXT_DETECTION, text_detection_config=config)
    return BatchAnalyzeRequest(analyze_specs=[AnalyzeSpec(content=content, features=[feature])], folder_id="b1g")
