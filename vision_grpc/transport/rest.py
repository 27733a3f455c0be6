"""The service over REST, for threads."""

from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from functools import partial

import httpx2

from vision_grpc.core.requests import Ask
from vision_grpc.errors import TransportError
from vision_grpc.json import RequestBody
from vision_grpc.messages import BatchAnalyzeRequest, BatchAnalyzeResponse
from vision_grpc.results import Answer
from vision_grpc.transport.attempt import Attempt
from vision_grpc.transport.endpoint import Endpoint
from vision_grpc.transport.method import REST_PATH, Headers, check_result_count
from vision_grpc.transport.rest_peer import (
    Body,
    HttpAnswer,
    extensions_of,
    headers_of,
    proxies_known,
    read_answer,
    read_response,
    translate,
    verification_of,
)
from vision_grpc.transport.tls import Tls


class RestTransport:
    """A pool of HTTP connections to the service, and of threads that wait for their answers."""

    def __init__(self, endpoint: Endpoint, tls: Tls, *, calls: int, headers: Headers = ()) -> None:
        self._endpoint = endpoint
        self._headers = headers
        self._extensions = extensions_of(tls)
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=calls)
        with proxies_known():
            self._http = httpx2.Client(
                base_url=endpoint.url,
                verify=verification_of(tls),
                limits=limits,
                # A proxy is another machine: what does not leave this one may be plaintext.
                trust_env=not endpoint.is_loopback,
            )
        self._under_way: set[Future[Answer]] = set()
        self._threads = ThreadPoolExecutor(calls, thread_name_prefix="vision-grpc-rest")

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
        attempt = Attempt(self._endpoint, timeout_s, authorization)

        def exchange() -> Answer:
            body = RequestBody.of_contents(contents, ask.features, ask.folder_id)
            return read_answer(self._exchange(body, authorization, attempt), attempt)

        # Not the thread's own future: `close` ends the call at once, a thread that waits for the network cannot be.
        future: Future[Answer] = Future()
        future.add_done_callback(lambda _: on_done())
        future.add_done_callback(self._under_way.discard)
        self._under_way.add(future)
        self._threads.submit(exchange).add_done_callback(partial(_pass_on, future))
        return RestCall(contents, future)

    def call(
        self, request: BatchAnalyzeRequest, authorization: str | None, *, timeout_s: float
    ) -> BatchAnalyzeResponse:
        """Send a request as it is; see `Transport`."""
        attempt = Attempt(self._endpoint, timeout_s, authorization)
        response = read_response(self._exchange(RequestBody.of_request(request), authorization, attempt), attempt)
        check_result_count(request, response)
        return response

    def close(self) -> None:
        """Close the connections; the threads end with the calls that they wait for."""
        for future in list(self._under_way):
            future.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._http.close()

    def _exchange(self, content: RequestBody, authorization: str | None, attempt: Attempt) -> HttpAnswer:
        left_s = attempt.left_s()
        body = Body(attempt)
        headers = headers_of(authorization, content.content_length, self._headers)
        try:
            with self._http.stream(
                "POST",
                REST_PATH,
                content=iter(content),
                headers=headers,
                timeout=left_s,
                extensions=self._extensions,
            ) as response:
                for piece in response.iter_bytes():
                    body.add(piece)
        except httpx2.RequestError as error:
            attempt.fail(translate(error, attempt), error)
        return HttpAnswer(response.status_code, response.headers, body.whole())


class RestCall:
    """A batch under way in a thread."""

    def __init__(self, contents: Sequence[bytes], future: Future[Answer]) -> None:
        self._contents = contents
        self._future = future

    def answer(self) -> Answer:
        """Return the answer; see `Call`."""
        try:
            return self._future.result()
        except CancelledError as error:
            message = "the call was cancelled: the client was closed"
            raise TransportError(message) from error

    def contents(self) -> Sequence[bytes]:
        """Return the images again; see `Call`."""
        return self._contents

    def cancel(self) -> None:
        """Give the call up; if its thread has begun, the answer comes and is dropped."""
        self._future.cancel()


def _pass_on(future: Future[Answer], exchange: Future[Answer]) -> None:
    """Let a future end as the thread's did, unless it was given up before."""
    if exchange.cancelled() or not future.set_running_or_notify_cancel():
        future.cancel()
    elif (error := exchange.exception()) is not None:
        future.set_exception(error)
    else:
        future.set_result(exchange.result())
