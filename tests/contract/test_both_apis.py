"""The same pages by both APIs, each client over each transport: the local service gives equal words."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from drivers import AsyncDriver, SyncDriver, Way
from scanned_pages import ScannedPage

from vision_grpc import ImageResult
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


def test_words_are_equal(
    real_way: Way, service: LocalVision, pages: dict[str, ScannedPage], expected: dict[str, _Words]
) -> None:
    endpoint = service.grpc_endpoint if real_way.transport == "grpc" else service.rest_endpoint
    driver = SyncDriver if real_way.driver == "sync" else AsyncDriver
    api = real_way.dialect.api.name
    client = driver({"endpoint": endpoint, "transport": real_way.transport, "insecure": True, "api": api})
    paths = [pages[name].path for name in _NAMES]
    results = client.collect(paths, languages=["ru", "en"], ordered=True)
    for name, result in zip(_NAMES, results, strict=True):
        assert len(expected[name].words) > 150
        assert _Words.of(result) == expected[name]
        assert result.has_confidence == all(word.confidence is not None for word in result.words())
        assert result.has_confidence == (api == "vision/v1")
        assert result.transport == real_way.transport
    assert _Words.of(client.analyze(paths[0], languages=["ru", "en"])) == expected[_NAMES[0]]
