"""What a version of the API decides: where its method is, how requests are encoded, how answers are read."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple, Protocol, TypeAlias

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from vision_grpc.codec.json import RequestBody, find_error, from_json, to_json
from vision_grpc.config import DEFAULT_ENDPOINT, Limits
from vision_grpc.contract.method import HttpRoute, grpc_path_of, is_server_stream
from vision_grpc.errors import ProtocolError
from vision_grpc.messages import Status
from vision_grpc.results import Outcome

HideBytes = Callable[[bytes], bytes]
"""Returns bytes with the secrets in them overwritten, as long as before."""


Model: TypeAlias = Literal["page", "line"] | str  # noqa: PYI051 - editors offer the two that are documented
"""What an image shows: a page (the service's default) or a single line."""


Reply: TypeAlias = Message | Sequence[Message]
"""The answer to a bare call: a message, or those of a stream."""


class RequestTemplate(Protocol):
    """What all requests of a stream share; the images are filled in."""

    def join(self, contents: Sequence[bytes]) -> bytes:
        """Return the request for these images in protobuf's wire format."""
        ...

    def json_body(self, contents: Sequence[bytes]) -> RequestBody:
        """Return the request for these images as JSON."""
        ...

    def message(self, contents: Sequence[bytes]) -> Message:
        """Return the request for these images as a message."""
        ...


def own_headers(template: RequestTemplate) -> Sequence[tuple[str, str]]:
    """Return what goes along with the requests of a template alone; most have nothing."""
    return getattr(template, "headers", ())


class Deferred(NamedTuple):
    """The calls of operations: each is an `Api` with another method."""

    submission: "Api"
    """Sends a file; its answer is an operation."""
    recognition: "Api"
    """Fetches a result. In place of images it has the ids of operations; its answer is that of the synchronous call."""
    status: "Api"
    """Says of an operation, by its id, whether it is done and how it ended."""
    cancel: "Api"
    """Ends an operation, and says the same."""


class Api(ABC):
    """One version of the API: a value without state, shared by all clients.

    `name` is the version's, such as `vision/v1`; `most_images` is the largest number of images a request, and
    `request_name` the full name of its message. `endpoint` is where the public service is, and `service_id` what
    directories call it. `models` are all that it has; empty where more may be than are known. With `is_stream` answers
    come as streams of messages, as `codec.stream_wire` joins them. `deferred` are the calls of its operations.
    """

    lacks: str = ""
    """What it does not have and another version has, in words."""

    def __init__(
        self,
        name: str,
        method: MethodDescriptor,
        *,
        most_images: int,
        endpoint: str = DEFAULT_ENDPOINT,
        service_id: str = "ai-vision",
        content_bytes: int = Limits().content_bytes,
        reads_pdf: bool = False,
        models: Sequence[str] = (),
        deferred: "Deferred | None" = None,
    ) -> None:
        self.name = name
        self.most_images = most_images
        self.endpoint = endpoint
        self.service_id = service_id
        self.models = models
        self.is_stream: bool = is_server_stream(method)
        self._content_bytes = content_bytes
        self._reads_pdf = reads_pdf
        self.grpc_path: str = grpc_path_of(method)
        self.route: HttpRoute = HttpRoute.of(method)
        self.deferred = deferred
        self.request_name: str = method.input_type.full_name
        self._request_class = GetMessageClass(method.input_type)
        self._response_class = GetMessageClass(method.output_type)

    def __repr__(self) -> str:
        return f"<Api {self.name}>"

    def limits(self, limits: Limits) -> Limits:
        """Return a client's limits, in which a largest file that was left at its default is this API's."""
        is_default = limits.content_bytes == Limits().content_bytes
        return replace(
            limits,
            content_bytes=self._content_bytes if is_default else limits.content_bytes,
            pdf=limits.pdf or self._reads_pdf,
        )

    # Requests

    def headers(self, folder_id: str) -> Sequence[tuple[str, str]]:
        """Return what goes along with each call of a client, beside what every call has."""
        del folder_id  # It is in the requests.
        return ()

    @abstractmethod
    def template(self, languages: Sequence[str], model: str, folder_id: str) -> RequestTemplate:
        """Return the template of requests for text in these languages: ISO 639-1 codes, or `*` alone to detect them.

        It is checked here, before the first image is read.

        Raises:
            InvalidRequestError: the contract allows no such request.
        """

    @abstractmethod
    def split_request(self, wire: bytes) -> Sequence[bytes]:
        """Return the images of a request that a template has joined."""

    @abstractmethod
    def count_images(self, request: Message) -> int:
        """Return how many images a request has."""

    def json_body(self, request: Message) -> RequestBody:
        """Return a request as JSON."""
        return RequestBody([to_json(request)])

    # Answers

    @abstractmethod
    def read_wire(self, wire: bytes, hide: HideBytes) -> Sequence[Outcome]:
        """Return the outcome of each image, in order, without parsing more than that takes.

        Outcomes that carry an error go through `hide`: an error may quote a secret.

        Raises:
            ProtocolError: the bytes are not an answer.
        """

    @abstractmethod
    def read_json(self, body: bytes, hide: HideBytes) -> Sequence[Outcome]:
        """Return what `read_wire` does, of an answer in JSON."""

    @abstractmethod
    def read_message(self, response: Reply) -> Sequence[Outcome]:
        """Return what `read_wire` does, of an answer that is parsed already."""

    def parse_wire(self, wire: bytes) -> Reply:
        """Return an answer as a message.

        Raises:
            ProtocolError: the bytes are not an answer.
        """
        try:
            return self._response_class.FromString(wire)
        except DecodeError as error:
            message = f"the answer's {len(wire)} bytes are not a {self._response_class.DESCRIPTOR.name}"
            raise ProtocolError(message) from error

    def parse_json(self, body: bytes) -> Reply:
        """Return what `parse_wire` does, of an answer in JSON."""
        return from_json(body, self._response_class)

    def error_in(self, body: bytes) -> Status | None:
        """Return the error in an answer in JSON that has a good status, None if it is none."""
        return None if self.read_message(self.parse_json(body)) else find_error(body)

    def check_answer(self, request: Message, response: Reply) -> None:
        """Pass an answer that has one result for each image: only its position says whose a result is.

        Raises:
            ProtocolError: it has fewer or more.
        """
        sent, got = self.count_images(request), len(self.read_message(response))
        if sent != got:
            message = f"the answer has {got} results for {sent} images: no result can be assigned to its image"
            raise ProtocolError(message)
