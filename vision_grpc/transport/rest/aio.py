"""The service over REST, for an event loop."""

import asyncio
from collections.abc import Callable, Sequence

from vision_grpc.codec.request import Ask
from vision_grpc.contract.method import Headers
from vision_grpc.messages import BatchAnalyzeRequest, BatchAnalyzeResponse
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.tls import Tls
from vision_grpc.results import Answer
from vision_grpc.transport.rest.service import RestService


class AsyncRestTransport:
    """HTTP connections to the service, one for each call under way at once; see `RestCalls` for why in threads."""

    def __init__(self, endpoint: Endpoint, tls: Tls, *, calls: int, headers: Headers = ()) -> None:
        self._service = RestService(endpoint, tls, calls=calls, headers=headers)

    def start(
        self,
        contents: Sequence[bytes],
        ask: Ask,
        authorization: str | None,
        *,
        timeout_s: float,
        on_done: Callable[[], None],
    ) -> "AsyncRestCall":
        """Send a batch; see `AsyncTransport`."""
        future = asyncio.wrap_future(self._service.start_batch(contents, ask, authorization, timeout_s=timeout_s))

        def end(_: object) -> None:
            if not future.cancelled():
                future.exception()  # Else asyncio would tell of one that nobody asks for.
            on_done()

        future.add_done_callback(end)
        return AsyncRestCall(contents, future)

    async def call(
        self, request: BatchAnalyzeRequest, authorization: str | None, *, timeout_s: float
    ) -> BatchAnalyzeResponse:
        """Send a request as it is; see `AsyncTransport`."""
        return await asyncio.wrap_future(self._service.start_request(request, authorization, timeout_s=timeout_s))

    async def aclose(self) -> None:
        """Close the connections."""
        self._service.close()


class AsyncRestCall:
    """A batch under way in a thread."""

    def __init__(self, contents: Sequence[bytes], future: "asyncio.Future[Answer]") -> None:
        self._contents = contents
        self._future = future

    async def answer(self) -> Answer:
        """Return the answer; see `AsyncCall`."""
        return await self._future

    def contents(self) -> Sequence[bytes]:
        """Return the images again; see `AsyncCall`."""
        return self._contents

    def cancel(self) -> None:
        """Break the connection off."""
        self._future.cancel()
