"""The service over REST, for threads."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future

from vision_grpc.codec.request import Ask
from vision_grpc.contract.method import Headers
from vision_grpc.messages import BatchAnalyzeRequest, BatchAnalyzeResponse
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.tls import Tls
from vision_grpc.results import Answer
from vision_grpc.transport.rest.service import RestService


class RestTransport:
    """HTTP connections to the service, one for each call under way at once."""

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
    ) -> "RestCall":
        """Send a batch; see `Transport`."""
        future = self._service.start_batch(contents, ask, authorization, timeout_s=timeout_s)
        future.add_done_callback(lambda _: on_done())
        return RestCall(contents, future)

    def call(
        self, request: BatchAnalyzeRequest, authorization: str | None, *, timeout_s: float
    ) -> BatchAnalyzeResponse:
        """Send a request as it is; see `Transport`."""
        future = self._service.start_request(request, authorization, timeout_s=timeout_s)
        try:
            return future.result()
        finally:
            future.cancel()  # Of a call that is waited for no more: this thread was interrupted.

    def close(self) -> None:
        """Close the connections."""
        self._service.close()


class RestCall:
    """A batch under way in a thread."""

    def __init__(self, contents: Sequence[bytes], future: Future[Answer]) -> None:
        self._contents = contents
        self._future = future

    def answer(self) -> Answer:
        """Return the answer; see `Call`."""
        return self._future.result()

    def contents(self) -> Sequence[bytes]:
        """Return the images again; see `Call`."""
        return self._contents

    def cancel(self) -> None:
        """Break the connection off."""
        self._future.cancel()
