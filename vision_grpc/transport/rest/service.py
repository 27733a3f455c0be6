"""The one method of the contract over REST, for either client."""

import os
import weakref
from collections.abc import Sequence
from concurrent.futures import Future

from vision_grpc.codec.json import RequestBody
from vision_grpc.codec.request import Ask
from vision_grpc.contract.method import REST_PATH, Headers, check_result_count
from vision_grpc.messages import BatchAnalyzeRequest, BatchAnalyzeResponse
from vision_grpc.network.attempt import Attempt
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.http.calls import RestCalls
from vision_grpc.network.http.message import HttpAnswer, HttpRequest
from vision_grpc.network.tls import Tls
from vision_grpc.results import Answer
from vision_grpc.transport.rest.peer import headers_of, read_answer, read_response


class RestService:
    """The service at an endpoint; see `RestCalls` for how its calls end."""

    def __init__(self, endpoint: Endpoint, tls: Tls, *, calls: int, headers: Headers) -> None:
        self._endpoint = endpoint
        self._calls = RestCalls(tls, connections_kept=calls)
        self._headers = headers
        # Also when whoever holds this forgets to.
        self._close = weakref.finalize(self, _close, self._calls, os.getpid())
        self._close.atexit = False

    def start_batch(
        self, contents: Sequence[bytes], ask: Ask, authorization: str | None, *, timeout_s: float
    ) -> Future[Answer]:
        """Send a batch; see `Transport.start`."""
        attempt = Attempt(self._endpoint, timeout_s, authorization)

        def make_request() -> HttpRequest:
            return self._request(RequestBody.of_contents(contents, ask.features, ask.folder_id), authorization)

        return self._calls.start(attempt, make_request, lambda answer: read_answer(answer, attempt))

    def start_request(
        self, request: BatchAnalyzeRequest, authorization: str | None, *, timeout_s: float
    ) -> Future[BatchAnalyzeResponse]:
        """Send a request as it is; see `Transport.call`."""
        attempt = Attempt(self._endpoint, timeout_s, authorization)

        def make_request() -> HttpRequest:
            return self._request(RequestBody.of_request(request), authorization)

        def read(answer: HttpAnswer) -> BatchAnalyzeResponse:
            response = read_response(answer, attempt)
            check_result_count(request, response)
            return response

        return self._calls.start(attempt, make_request, read)

    def close(self) -> None:
        """Close the connections; calls under way fail."""
        self._close()

    def _request(self, body: RequestBody, authorization: str | None) -> HttpRequest:
        return HttpRequest("POST", REST_PATH, headers_of(authorization, body.content_length, self._headers), iter(body))


def _close(calls: RestCalls, pid: int) -> None:
    # A forked child has locks that no thread of it will ever release, and the connections are its parent's.
    if pid == os.getpid():
        calls.close()
