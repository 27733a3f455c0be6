"""The same pages by both APIs, each client over each transport: the local service gives equal words."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from dialects import VISION_DIALECT
from drivers import AsyncDriver, Driver, SyncDriver, Way
from scanned_pages import ScannedPage

from vision_grpc import ImageResult
from vision_grpc.errors import Code
from vision_grpc.local import LocalVision
from vision_grpc.local.config import ServiceConfig

_NAMES = ("en_sans", "mixed_sans", "ru_sans")


class _Words(NamedTuple):
    """What both APIs tell of a page."""

    text: str
    words: list[tuple[str, list[tuple[int, int]]]]
    lines: list[list[tuple[int, int]]]
    sizes: list[tuple[int, int]]

    @classmethod
    def of(cls, result: ImageResult) -> "_Words":
        return cls(
            result.raise_for_error().text,
            [(word.text, [*word.polygon]) for word in result.words()],
            [[*line.polygon] for line in result.lines()],
            [(page.width, page.height) for page in result.pages],
        )


@pytest.fixture(scope="module")
def service() -> Iterator[LocalVision]:
    # A page is read once for all ways that ask for it with the same languages and model.
    with LocalVision(config=ServiceConfig(cache_bytes=1 << 24)) as vision:
        yield vision


@pytest.fixture(scope="module")
def expected(service: LocalVision, pages: dict[str, ScannedPage]) -> dict[str, _Words]:
    """What vision/v1 reads on each page, over gRPC."""
    client = SyncDriver({"endpoint": service.grpc_endpoint, "transport": "grpc", "insecure": True})
    return {name: _Words.of(client.analyze(pages[name].path, languages=["ru", "en"])) for name in _NAMES}


def _client(way: Way, service: LocalVision) -> Driver:
    endpoint = service.grpc_endpoint if way.transport == "grpc" else service.rest_endpoint
    driver = SyncDriver if way.driver == "sync" else AsyncDriver
    api = way.dialect.api.name
    return driver({"endpoint": endpoint, "transport": way.transport, "insecure": True, "api": api})


def test_words_are_equal(
    real_way: Way, service: LocalVision, pages: dict[str, ScannedPage], expected: dict[str, _Words]
) -> None:
    client = _client(real_way, service)
    paths = [pages[name].path for name in _NAMES]
    results = client.collect(paths, languages=["ru", "en"], ordered=True)
    for name, result in zip(_NAMES, results, strict=True):
        assert len(expected[name].words) > 150
        assert _Words.of(result) == expected[name]
        assert result.has_confidence == all(word.confidence is not None for word in result.words())
        assert result.has_confidence == (real_way.dialect is VISION_DIALECT)
        assert result.transport == real_way.transport
    assert _Words.of(client.analyze(paths[0], languages=["ru", "en"])) == expected[_NAMES[0]]


def test_operations_give_the_same_words(
    real_way: Way, service: LocalVision, pages: dict[str, ScannedPage], expected: dict[str, _Words]
) -> None:
    if real_way.dialect is VISION_DIALECT:
        pytest.skip("vision/v1 has no operations")
    paths = [pages[name].path for name in _NAMES]
    results = _client(real_way, service).collect(paths, languages=["ru", "en"], ordered=True, deferred=True)
    assert [_Words.of(result) for result in results] == [expected[name] for name in _NAMES]
    assert all(result.operation_id for result in results)


@pytest.mark.parametrize(
    ("wish", "named"),
    [({"languages": ["xx"]}, "'xx'"), ({"model": "poem"}, "'poem'"), ({"languages": ["*", "en"]}, "'*'")],
)
def test_what_nobody_reads_is_one_error_that_names_it(
    real_way: Way, service: LocalVision, pages: dict[str, ScannedPage], wish: dict[str, Any], named: str
) -> None:
    client = _client(real_way, service)
    [result] = client.collect([pages["en_sans"].path], **wish)
    assert result.error is not None
    assert result.error.code is Code.INVALID_ARGUMENT
    assert named in result.error.message
    assert result.attempts == 1
