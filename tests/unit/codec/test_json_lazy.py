"""Answers that are parsed when they are read."""

import tracemalloc

import pytest

from vision_grpc.codec.json import from_json, split_results
from vision_grpc.errors import ProtocolError
from vision_grpc.messages import AnalyzeResult, BatchAnalyzeResponse, Status


@pytest.mark.parametrize(
    "text",
    [
        b"{}",
        b'{"results":[]}',
        b'{"results":[{}]}',
        b'{"results":[{"error":{"code":3}},{},{"results":[{}]}]}',
        b' {\n"results" :\t[ {"error" : {"code":3}} , {}\r\n] } ',
        b'{"results":[{"error":{"code":3}}],"unknown":1}',
        b'{"unknown":[],"results":[{"error":{"code":3}}]}',
        b'{"results":null}',
    ],
)
def test_gives_what_parsing_at_once_gives(text: bytes) -> None:
    assert list(split_results(text)) == list(from_json(text, BatchAnalyzeResponse).results)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b'{"results":[{}',
        b'{"results":[{}]}}',
        b'{"results":[{},{}],"results":[{},{}]}',
        b'{"results":[],"results":[{}]}',
        b'{"results":{}}',
        b'{"results":[{"error":[[]]]}',
        b'{"results":[{},null]}',
        b'{"results":[{},"{}"]}',
        b'{"results":[{}],"x":"\xff"}',
        b'{"results":[' + b"[" * 100_000,
    ],
)
def test_refuses_at_once_what_has_no_results(text: bytes) -> None:
    with pytest.raises(ProtocolError):
        split_results(text)


def test_what_is_wrong_in_one_result_shows_when_it_is_read() -> None:
    answer = split_results(
        b'{"results":[{"error":{"code":3}},{"error":{"code":"x"}},{"error":5},{"x":1,"x":2},{"y":"\xff"},{}]}'
    )

    assert len(answer) == 6
    assert answer[0] == AnalyzeResult(error=Status(code=3))
    with pytest.raises(ProtocolError, match=r"results\[1\]: error\.code: "):
        answer[1]
    for index in (2, 3, -2):
        with pytest.raises(ProtocolError, match=rf"results\[{index % 6}\]: "):
            answer[index]
    assert answer[-1] == AnalyzeResult()


def test_a_result_is_parsed_once() -> None:
    answer = split_results(b'{"results":[{"error":{"code":3}},{}]}')

    assert answer[0] is answer[-2]
    assert answer[1:][0] == AnalyzeResult()
    with pytest.raises(IndexError):
        answer[2]


@pytest.mark.parametrize("more", [b"", b',"unknown":1'])
def test_more_results_than_there_may_be_are_not_split(more: bytes) -> None:
    def text(results: int) -> bytes:
        return b'{"results":[' + b",".join([b"{}"] * results) + b"]" + more + b"}"

    assert len(split_results(text(8), most=8)) == 8
    with pytest.raises(ProtocolError, match=r"^9 results in an answer, which has at most 8$"):
        split_results(text(9), most=8)

    endless = text(1_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolError, match=r"^1000000 results"):
            split_results(endless, most=8)
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # What the decoder notes of each is not avoided, what is made of that is.
    assert most_bytes < 100 * 1_000_000
