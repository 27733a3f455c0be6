"""A function in place of the service, without a socket or a thread.

    with VisionClient(transport=MemoryTransport(Answers("Hello world"))) as client:
        assert client.analyze("scan.png").text == "Hello world"

Everything above the transport is the real thing: images are read and checked, packed into requests, and sent again
when the handler says so.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Any

from google.protobuf.message import Message

from vision_grpc.api.api import Api, Reply, RequestTemplate
from vision_grpc.api.vision_v1 import VISION_V1
from vision_grpc.errors import ServiceError, VisionError
from vision_grpc.messages import (
    BatchAnalyzeRequest,
    BatchAnalyzeResponse,
    RecognizeTextRequest,
    RecognizeTextResponse,
)
from vision_grpc.network.deadline import Deadline
from vision_grpc.results import Answer
from vision_grpc.transport import OnDone
from vision_grpc.transport.ended_call import EndedCall

Handler = Callable[[BatchAnalyzeRequest], BatchAnalyzeResponse]
"""Plays the service: answers a request, or raises the VisionError that the call ends with.

Any other exception is taken for a bug of the handler and ends the client's method.
"""

OcrHandler = Callable[[RecognizeTextRequest], Iterable[RecognizeTextResponse]]
"""The same for ocr/v1, whose answer is a page after the other: `MemoryTransport(handler, api=OCR_V1)`."""


class MemoryTransport:
    """For `VisionClient(transport=...)` and `AsyncVisionClient(transport=...)`: a handler in place of the service.

    It is called once for each request, in the thread that sends; in an event loop's, by the asyncio client. Answers
    have the request ids `memory-1`, `memory-2` and so on, and the transport `memory`.
    """

    def __init__(self, handler: Handler | OcrHandler, *, api: Api = VISION_V1) -> None:
        self._handler: Callable[[Any], Any] = handler
        self._api = api
        self._numbers = count(1)

    def start(
        self,
        contents: Sequence[bytes],
        template: RequestTemplate,
        authorization: str | None,  # noqa: ARG002 - a handler sees requests
        deadline: Deadline,  # noqa: ARG002 - nothing takes time
        on_done: OnDone,
    ) -> EndedCall[Answer]:
        """Hand a batch to the handler; see `Transport`."""
        request_id = f"memory-{next(self._numbers)}"
        try:
            response = self._handler(template.message(contents))
            outcome: Answer | VisionError = Answer(self._api.read_message(response), request_id, "memory")
        except VisionError as error:
            outcome = _signed(error)
        on_done()
        return EndedCall(outcome, contents)

    def send(
        self,
        request: Message,
        authorization: str | None,  # noqa: ARG002 - a handler sees requests
        deadline: Deadline,  # noqa: ARG002 - nothing takes time
        on_done: OnDone,
    ) -> EndedCall[Reply]:
        """Hand a request to the handler as it is; see `Transport`."""
        outcome: Reply | VisionError
        try:
            outcome = response = self._handler(request)
            self._api.check_answer(request, response)
        except VisionError as error:
            outcome = _signed(error)
        on_done()
        return EndedCall(outcome)

    def close(self) -> None:
        """Do nothing: there is no connection."""

    async def aclose(self) -> None:
        """Do nothing: there is no connection."""


AsyncMemoryTransport = MemoryTransport
"""Either client takes the same transport."""


def _signed(error: VisionError) -> VisionError:
    if isinstance(error, ServiceError):
        error.transport = "memory"
    return error
