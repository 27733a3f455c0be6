"""The service over REST."""

import os
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from google.protobuf.message import Message

from vision_grpc.api.api import Api, Reply, RequestTemplate, own_headers
from vision_grpc.codec.json import RequestBody
from vision_grpc.errors import TransportError
from vision_grpc.network.attempt import Attempt
from vision_grpc.network.deadline import Deadline
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.http.body import MAX_BODY_BYTES
from vision_grpc.network.http.calls import HttpCalls
from vision_grpc.network.http.message import HttpAnswer, HttpRequest
from vision_grpc.network.tls import Tls
from vision_grpc.transport import OnDone
from vision_grpc.transport.headers import Headers
from vision_grpc.transport.rest.exchange import headers_of, read_answer, read_beginning, read_response

if TYPE_CHECKING:
    from vision_grpc.results import Answer

_T = TypeVar("_T")

# The JSON of 200 pages of a PDF, with 1,000 words each, is about 80 MB.
_STREAM_BYTES = 4 * MAX_BODY_BYTES


class RestTransport:
    """HTTP connections to the service, one for each call under way at once; see `HttpCalls` for how calls end."""

    def __init__(self, api: Api, endpoint: Endpoint, tls: Tls, *, calls: int, headers: Headers = ()) -> None:
        self._api = api
        self._endpoint = endpoint
        most_bytes = _STREAM_BYTES if api.is_stream else MAX_BODY_BYTES
        self._calls = HttpCalls(tls, connections_kept=calls, max_body_bytes=most_bytes)
        self._headers = headers
        # Also when the owner forgets to.
        self._close = weakref.finalize(self, _close, self._calls, os.getpid())
        self._close.atexit = False

    def start(
        self,
        contents: Sequence[bytes],
        template: RequestTemplate,
        authorization: str | None,
        deadline: Deadline,
        on_done: OnDone,
    ) -> "RestCall[Answer]":
        """Send a batch; see `Transport`."""
        attempt = Attempt(self._endpoint, deadline, authorization)
        future = self._calls.start(
            attempt,
            lambda: self._request(
                partial(template.json_body, contents),
                partial(template.message, contents),
                authorization,
                own_headers(template),
            ),
            lambda answer: read_answer(answer, attempt, self._api),
            partial(read_beginning, attempt=attempt, api=self._api) if self._api.is_stream else None,
        )
        future.add_done_callback(lambda _: on_done())
        return RestCall(future, contents)

    def send(
        self, request: Message, authorization: str | None, deadline: Deadline, on_done: OnDone
    ) -> "RestCall[Reply]":
        """Send a request as it is; see `Transport`."""
        attempt = Attempt(self._endpoint, deadline, authorization)

        def read(answer: HttpAnswer) -> Reply:
            response = read_response(answer, attempt, self._api)
            self._api.check_answer(request, response)
            return response

        body = partial(self._api.json_body, request)
        future = self._calls.start(attempt, lambda: self._request(body, lambda: request, authorization), read)
        future.add_done_callback(lambda _: on_done())
        return RestCall(future)

    def close(self) -> None:
        """Close the connections; calls under way fail."""
        self._close()

    async def aclose(self) -> None:
        """Do what `close` does: it does not block."""
        self._close()

    def _request(
        self,
        make_body: Callable[[], RequestBody],
        make_message: Callable[[], Message],
        authorization: str | None,
        more: Headers = (),
    ) -> HttpRequest:
        """Return a request, which is the body or, where the method has no body, in the path and the query."""
        route, more = self._api.route, (*self._headers, *more)
        if not route.has_body:
            return HttpRequest(route.verb, route.target(make_message()), headers_of(authorization, None, more))
        body = make_body()
        return HttpRequest(route.verb, route.path, headers_of(authorization, body.content_length, more), iter(body))


class RestCall(Generic[_T]):
    """A call under way in a thread."""

    def __init__(self, future: Future[_T], contents: Sequence[bytes] = ()) -> None:
        self._future = future
        self._contents = contents

    def answer(self) -> _T:
        """Return the answer; see `Call`."""
        try:
            return self._future.result()
        except CancelledError as error:
            message = "the call was cancelled"
            raise TransportError(message) from error

    def contents(self) -> Sequence[bytes]:
        """Return the images again; see `BatchCall`."""
        return self._contents

    def cancel(self) -> None:
        """Break the connection off."""
        self._future.cancel()


def _close(calls: HttpCalls, pid: int) -> None:
    # In a forked child, no thread will ever release the locks, and the connections belong to the parent.
    if pid == os.getpid():
        calls.close()
