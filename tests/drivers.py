"""Each client over each transport behind one set of methods, so that one text of tests drives them all."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import ExitStack, aclosing, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple, Protocol, TypeVar

from dialects import OCR_DIALECT, VISION_DIALECT, Dialect
from scripted_service import Script, Service, serve_grpc, serve_rest

from vision_grpc import AsyncVisionClient, ImageResult, VisionClient
from vision_grpc.messages import BatchAnalyzeRequest, BatchAnalyzeResponse
from vision_grpc.session.monitor import Stats
from vision_grpc.sources.files import ImageSource
from vision_grpc.testing import MemoryTransport

_T = TypeVar("_T")

_SYNCHRONOUS: dict[str, Any] = {"deferred": False}
"""The call that both APIs have; operations of ocr/v1 have tests of their own."""


class Driver(Protocol):
    """A client. Options are the arguments of its constructor."""

    stats: Stats
    """Those of the client of the last method, as it ended."""

    def collect(
        self,
        images: Iterable[ImageSource],
        *,
        on_result: Callable[[ImageResult], None] = ...,
        **arguments: Any,  # noqa: ANN401
    ) -> list[ImageResult]:
        """Return all results of `analyze_many`, telling of each as it comes."""
        ...

    def take(self, images: Iterable[ImageSource], number: int, *, deferred: bool = False) -> list[ImageResult]:
        """Return the first results of `analyze_many` and close its iterator."""
        ...

    def analyze(self, image: ImageSource, **arguments: Any) -> ImageResult:  # noqa: ANN401
        """Return what `analyze` does."""
        ...

    def batch_analyze(self, request: BatchAnalyzeRequest, **arguments: Any) -> BatchAnalyzeResponse:  # noqa: ANN401
        """Return what `batch_analyze` does."""
        ...

    def after_close(self, image: ImageSource) -> None:
        """Close the client, twice, and use it."""
        ...


@dataclass
class SyncDriver:
    """`VisionClient`."""

    options: dict[str, Any]
    stats: Stats = field(default_factory=Stats, init=False)

    def collect(
        self,
        images: Iterable[ImageSource],
        *,
        on_result: Callable[[ImageResult], None] = lambda _: None,
        **arguments: Any,  # noqa: ANN401
    ) -> list[ImageResult]:
        with self._client() as client:
            results: list[ImageResult] = []
            for result in client.analyze_many(images, **_SYNCHRONOUS | arguments):
                on_result(result)
                results.append(result)
            return results

    def take(self, images: Iterable[ImageSource], number: int, *, deferred: bool = False) -> list[ImageResult]:
        with self._client() as client:
            results = client.analyze_many(images, deferred=deferred)
            taken = [next(results) for _ in range(number)]
            results.close()
            return taken

    def analyze(self, image: ImageSource, **arguments: Any) -> ImageResult:  # noqa: ANN401
        with self._client() as client:
            return client.analyze(image, **arguments)

    def batch_analyze(self, request: BatchAnalyzeRequest, **arguments: Any) -> BatchAnalyzeResponse:  # noqa: ANN401
        with self._client() as client:
            return client.batch_analyze(request, **arguments)

    def after_close(self, image: ImageSource) -> None:
        client = self._make()
        client.close()
        client.close()
        client.analyze(image)

    def _make(self) -> VisionClient:
        return VisionClient(**self.options)

    @contextmanager
    def _client(self) -> Iterator[VisionClient]:
        with self._make() as client:
            try:
                yield client
            finally:
                self.stats = client.stats()


@dataclass
class AsyncDriver:
    """`AsyncVisionClient`, in an event loop of its own for each method."""

    options: dict[str, Any]
    stats: Stats = field(default_factory=Stats, init=False)

    def collect(
        self,
        images: Iterable[ImageSource],
        *,
        on_result: Callable[[ImageResult], None] = lambda _: None,
        **arguments: Any,  # noqa: ANN401
    ) -> list[ImageResult]:
        async def use(client: AsyncVisionClient) -> list[ImageResult]:
            results: list[ImageResult] = []
            async for result in client.analyze_many(images, **_SYNCHRONOUS | arguments):
                on_result(result)
                results.append(result)
            return results

        return self._run(use)

    def take(self, images: Iterable[ImageSource], number: int, *, deferred: bool = False) -> list[ImageResult]:
        async def use(client: AsyncVisionClient) -> list[ImageResult]:
            async with aclosing(client.analyze_many(images, deferred=deferred)) as results:
                return [await anext(results) for _ in range(number)]

        return self._run(use)

    def analyze(self, image: ImageSource, **arguments: Any) -> ImageResult:  # noqa: ANN401
        return self._run(lambda client: client.analyze(image, **arguments))

    def batch_analyze(self, request: BatchAnalyzeRequest, **arguments: Any) -> BatchAnalyzeResponse:  # noqa: ANN401
        return self._run(lambda client: client.batch_analyze(request, **arguments))

    def after_close(self, image: ImageSource) -> None:
        async def use(client: AsyncVisionClient) -> None:
            await client.aclose()
            await client.aclose()
            await client.analyze(image)

        self._run(use)

    def _make(self) -> AsyncVisionClient:
        return AsyncVisionClient(**self.options)

    def _run(self, use: Callable[[AsyncVisionClient], Awaitable[_T]]) -> _T:
        async def main() -> _T:
            async with self._make() as client:
                try:
                    return await use(client)
                finally:
                    self.stats = client.stats()

        return asyncio.run(main())


class Way(NamedTuple):
    """A kind of client over a kind of transport, speaking an API."""

    transport: str
    driver: str
    dialect: Dialect = VISION_DIALECT

    def __str__(self) -> str:
        return "-".join([self.dialect.api.name.replace("/", ""), self.transport, self.driver])

    @property
    def is_real(self) -> bool:
        """Whether there is a socket in it."""
        return self.transport != "memory"

    @property
    def most_images(self) -> int:
        """How many images a request has at most."""
        return self.dialect.api.most_images

    @property
    def has_batches(self) -> bool:
        """Whether an answer has an error for each image; else that of an image is that of its call."""
        return self.most_images > 1

    def batches(self, numbers: Iterable[int]) -> list[list[int]]:
        """Return the images of each request when images with these numbers are sent, each once."""
        return [*_groups(numbers, self.most_images)]

    @contextmanager
    def running(self) -> Iterator[Callable[[Script], Service]]:
        """Return what starts a service; all of them end with this."""
        with ExitStack() as stack:
            if self.transport == "grpc":
                yield lambda script: stack.enter_context(serve_grpc(script, self.dialect))
            elif self.transport == "rest":
                yield lambda script: stack.enter_context(serve_rest(script, self.dialect))
            else:
                yield lambda script: Service(script, self.dialect)

    def client(self, service: Service, **options: object) -> Driver:
        """Return a client of the service."""
        if self.is_real:
            connection: dict[str, object] = {"endpoint": service.address, "transport": self.transport}
            connection["insecure"] = True
        else:
            connection = {"transport": MemoryTransport(service.in_memory(), api=self.dialect.api)}
        connection |= {"api": self.dialect.api.name} | options
        return SyncDriver(connection) if self.driver == "sync" else AsyncDriver(connection)


def _groups(numbers: Iterable[int], most: int) -> Iterator[list[int]]:
    left = iter(numbers)
    while group := [*islice(left, most)]:
        yield group


Connect = Callable[..., tuple[Driver, Service]]
WAYS = [
    Way(transport, driver, dialect)
    for dialect in (VISION_DIALECT, OCR_DIALECT)
    for transport in ("grpc", "rest", "memory")
    for driver in ("sync", "asyncio")
]
