"""The service over REST, for an event loop."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Sequence

import httpx2

from vision_grpc.core.requests import Ask
from vision_grpc.json import ASYNC_SLICE_BYTES, RequestBody
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
from vision_grpc.transport.task_call import TaskCall
from vision_grpc.transport.tls import Tls


class AsyncRestTransport:
    """A pool of HTTP connections to the service."""

    def __init__(self, endpoint: Endpoint, tls: Tls, *, calls: int, headers: Headers = ()) -> None:
        self._endpoint = endpoint
        self._headers = headers
        self._extensions = extensions_of(tls)
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=calls)
        with proxies_known():
            self._http = httpx2.AsyncClient(
                base_url=endpoint.url,
                verify=verification_of(tls),
                limits=limits,
                # A proxy is another machine: what does not leave this one may be plaintext.
                trust_env=not endpoint.is_loopback,
            )

    def start(
        self,
        contents: Sequence[bytes],
        ask: Ask,
        authorization: str | None,
        *,
        timeout_s: float,
        on_done: Callable[[], None],
    ) -> TaskCall:
        """Send a batch; see `AsyncTransport`."""
        attempt = Attempt(self._endpoint, timeout_s, authorization)

        async def exchange() -> Answer:
            body = RequestBody.of_contents(contents, ask.features, ask.folder_id, slice_bytes=ASYNC_SLICE_BYTES)
            # Cutting the answer takes half a millisecond; what is in it is parsed when it is read.
            return read_answer(await self._exchange(body, authorization, attempt), attempt)

        task = asyncio.create_task(exchange())
        task.add_done_callback(lambda _: on_done())
        return TaskCall(contents, task)

    async def call(
        self, request: BatchAnalyzeRequest, authorization: str | None, *, timeout_s: float
    ) -> BatchAnalyzeResponse:
        """Send a request as it is; see `AsyncTransport`."""
        attempt = Attempt(self._endpoint, timeout_s, authorization)
        body = RequestBody.of_request(request, slice_bytes=ASYNC_SLICE_BYTES)
        answer = await self._exchange(body, authorization, attempt)
        response = await asyncio.to_thread(read_response, answer, attempt)  # Megabytes of JSON are not for the loop.
        check_result_count(request, response)
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _exchange(self, content: RequestBody, authorization: str | None, attempt: Attempt) -> HttpAnswer:
        left_s = attempt.left_s()
        body = Body(attempt)
        headers = headers_of(authorization, content.content_length, self._headers)
        try:
            # httpx2's own time-out is for each step by itself.
            async with (
                asyncio.timeout(left_s),
                self._http.stream(
                    "POST",
                    REST_PATH,
                    content=_slices(content),
                    headers=headers,
                    timeout=left_s,
                    extensions=self._extensions,
                ) as response,
            ):
                async for piece in response.aiter_bytes():
                    body.add(piece)
        except TimeoutError as error:
            raise attempt.late() from error
        except (httpx2.RequestError, ssl.SSLError) as error:
            # What TLS says while the answer is read comes through anyio and httpx2 as it is.
            attempt.fail(translate(error, attempt), error)
        return HttpAnswer(response.status_code, response.headers, body.whole())


async def _slices(content: RequestBody) -> AsyncIterator[bytes]:
    for piece in content:
        yield piece
