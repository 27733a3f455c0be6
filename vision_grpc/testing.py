"""A Vision service inside the test's own process, for tests of code that uses the clients.

    def handler(request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
        return BatchAnalyzeResponse(results=[AnalyzeResult() for _ in request.analyze_specs])

    with VisionClient(transport=MemoryTransport(handler)) as client:
        assert client.analyze("scan.png").ok

Everything above the transport is the real thing: images are read and checked, packed into
requests, sent again when the handler says so. There is no socket, thread or wait.
"""

from collections.abc import Callable, Sequence
from itertools import count

from vision_grpc.codec.request import Ask, build_request
from vision_grpc.contract.method import check_result_count
from vision_grpc.errors import ServiceError, VisionError
from vision_grpc.messages import BatchAnalyzeRequest, BatchAnalyzeResponse
from vision_grpc.results import Answer
from vision_grpc.results.outcomes import MessageOutcome
from vision_grpc.transport.ended_call import EndedCall

Handler = Callable[[BatchAnalyzeRequest], BatchAnalyzeResponse]
"""Plays the service: answers a request, or raises the VisionError that the call ends with.

Any other exception is taken for a bug of the handler and ends the client's method.
"""


class MemoryTransport:
    """For `VisionClient(transport=...)`: a handler in place of the service.

    It is called once for each request, in the thread that sends. Answers have the request ids
    `memory-1`, `memory-2` and so on, and the transport `memory`.
    """

    def __init__(self, handler: Handler) -> None:
        self._exchanges = _Exchanges(handler)

    def start(
        self,
        contents: Sequence[bytes],
        ask: Ask,
        authorization: str | None,  # noqa: ARG002 - a handler sees requests
        *,
        timeout_s: float,  # noqa: ARG002 - nothing takes time
        on_done: Callable[[], None],
    ) -> EndedCall:
        """Hand a batch to the handler; see `Transport`."""
        call = EndedCall(contents, self._exchanges.run(contents, ask))
        on_done()
        return call

    def call(
        self,
        request: BatchAnalyzeRequest,
        authorization: str | None,  # noqa: ARG002 - a handler sees requests
        *,
        timeout_s: float,  # noqa: ARG002 - nothing takes time
    ) -> BatchAnalyzeResponse:
        """Hand a request to the handler as it is; see `Transport`."""
        return self._exchanges.call(request)

    def close(self) -> None:
        """Do nothing: there is no connection."""


class AsyncMemoryTransport:
    """For `AsyncVisionClient(transport=...)`; as `MemoryTransport`, the handler being called on the event loop."""

    def __init__(self, handler: Handler) -> None:
        self._exchanges = _Exchanges(handler)

    def start(
        self,
        contents: Sequence[bytes],
        ask: Ask,
        authorization: str | None,  # noqa: ARG002 - a handler sees requests
        *,
        timeout_s: float,  # noqa: ARG002 - nothing takes time
        on_done: Callable[[], None],
    ) -> "AsyncMemoryCall":
        """Hand a batch to the handler; see `AsyncTransport`."""
        call = AsyncMemoryCall(EndedCall(contents, self._exchanges.run(contents, ask)))
        on_done()
        return call

    async def call(
        self,
        request: BatchAnalyzeRequest,
        authorization: str | None,  # noqa: ARG002 - a handler sees requests
        *,
        timeout_s: float,  # noqa: ARG002 - nothing takes time
    ) -> BatchAnalyzeResponse:
        """Hand a request to the handler as it is; see `AsyncTransport`."""
        return self._exchanges.call(request)

    async def aclose(self) -> None:
        """Do nothing: there is no connection."""


class AsyncMemoryCall:
    """A batch that the handler has had."""

    def __init__(self, call: EndedCall) -> None:
        self._call = call

    async def answer(self) -> Answer:
        """Return the answer or raise what the handler raised; see `AsyncCall`."""
        return self._call.answer()

    def contents(self) -> Sequence[bytes]:
        """Return the images again; see `AsyncCall`."""
        return self._call.contents()

    def cancel(self) -> None:
        """Do nothing: the call is over."""


class _Exchanges:
    """A handler and the numbers of the requests that it has had."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._numbers = count(1)

    def run(self, contents: Sequence[bytes], ask: Ask) -> Answer | VisionError:
        request_id = f"memory-{next(self._numbers)}"
        try:
            response = self._handler(build_request(contents, ask))
        except VisionError as error:
            if isinstance(error, ServiceError):
                error.transport = "memory"
            return error
        return Answer([MessageOutcome(result) for result in response.results], request_id, "memory")

    def call(self, request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
        response = self._handler(request)
        check_result_count(request, response)
        return response
