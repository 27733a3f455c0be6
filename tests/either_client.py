"""Both clients behind one set of methods, for tests that make several calls with one client."""

import asyncio
import inspect
from collections.abc import Callable, Iterable
from typing import Any, Literal, Self

from vision_grpc import AsyncVisionClient, ImageResult, VisionClient
from vision_grpc.messages import BatchAnalyzeRequest, BatchAnalyzeResponse

Kind = Literal["sync", "asyncio"]


class EitherClient:
    """A client of a kind, made with the options that a function returns, open for as many calls as a test makes."""

    def __init__(self, kind: Kind, options: Callable[[], dict[str, Any]]) -> None:
        self._runner = asyncio.Runner() if kind == "asyncio" else None
        self._make = VisionClient if kind == "sync" else AsyncVisionClient
        self._client: Any = self._run(self._open, options)

    def analyze(self, image: bytes, **arguments: Any) -> ImageResult:  # noqa: ANN401
        return self._run(self._client.analyze, image, **arguments)  # type: ignore[no-any-return]

    def batch_analyze(self, request: BatchAnalyzeRequest, **arguments: Any) -> BatchAnalyzeResponse:  # noqa: ANN401
        return self._run(self._client.batch_analyze, request, **arguments)  # type: ignore[no-any-return]

    def collect(self, images: Iterable[bytes]) -> list[ImageResult]:
        async def collect() -> list[ImageResult]:
            return [result async for result in self._client.analyze_many(images)]

        return self._run(collect) if self._runner else list(self._client.analyze_many(images))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._client.aclose if self._runner else self._client.close)
        if self._runner is not None:
            self._runner.close()

    def _open(self, options: Callable[[], dict[str, Any]]) -> object:
        return self._make(**options())

    def _run(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        async def main() -> object:
            outcome = function(*arguments, **options)
            return await outcome if inspect.isawaitable(outcome) else outcome

        return function(*arguments, **options) if self._runner is None else self._runner.run(main())
