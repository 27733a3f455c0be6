"""A Vision service that does what a test tells it: a script behind the faces of the local service.

A test hands over a function from the request to the reply: a message, raw bytes in place of one, an error of ours as
the status to answer, or a fault of `vision_grpc.local.faults`, which strikes the good answer to the request.
"""

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, cast

from dialects import VISION_DIALECT, Dialect
from google.protobuf.message import Message
from images_in_bytes import number_in

from vision_grpc.errors import (
    DeadlineError,
    ProtocolError,
    RequestTooLargeError,
    ServiceError,
    TransportError,
    VisionError,
)
from vision_grpc.local.calls.budget import BodyBudget
from vision_grpc.local.calls.call import Call
from vision_grpc.local.calls.desk import Desk
from vision_grpc.local.calls.method import Method
from vision_grpc.local.calls.quota import Quota
from vision_grpc.local.calls.reply import Reply as Sent
from vision_grpc.local.config import ServiceConfig
from vision_grpc.local.faces.front import Listener
from vision_grpc.local.faces.grpc.face import GrpcFace
from vision_grpc.local.faces.rest import HttpServer, HttpTimes, application
from vision_grpc.local.faces.serving import Faces
from vision_grpc.local.faults.fault import Fault, Match
from vision_grpc.local.faults.kinds.lines import Close, Reset
from vision_grpc.local.faults.kinds.statuses import NoUpstream
from vision_grpc.local.faults.kinds.times import Hang
from vision_grpc.local.listening import listen
from vision_grpc.messages import (
    AnalyzeResult,
    BatchAnalyzeRequest,
    BatchAnalyzeResponse,
    Block,
    FeatureResult,
    Line,
    Page,
    TextAnnotation,
    Word,
)
from vision_grpc.testing import Handler

Reply = BatchAnalyzeResponse | bytes | ServiceError | Fault
Script = Callable[[BatchAnalyzeRequest], Reply]

# Scripts may block, all those of a client's calls at once.
_THREADS = 64
# Some tests give the service names of their own.
_CONFIG = ServiceConfig(hosts=("*",))
_IN_MEMORY: dict[type[Reply], type[VisionError]] = {
    bytes: ProtocolError,
    Hang: DeadlineError,
    Close: TransportError,
    Reset: TransportError,
    NoUpstream: TransportError,
}


def read(content: bytes) -> AnalyzeResult:
    """Recognise an image of `images_in_bytes`: its text is its number."""
    line = Line(words=[Word(text=str(number_in(content)))])
    annotation = TextAnnotation(pages=[Page(blocks=[Block(lines=[line])])])
    return AnalyzeResult(results=[FeatureResult(text_detection=annotation)])


def answer(request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
    """Recognise all images of a request."""
    return BatchAnalyzeResponse(results=[read(spec.content) for spec in request.analyze_specs])


def numbers_of(request: BatchAnalyzeRequest) -> list[int]:
    """Return the numbers of the images of a request."""
    return [number_in(spec.content) for spec in request.analyze_specs]


class Service:
    """What a script has seen, whatever the API that it is called by. `address` is the endpoint of the client."""

    def __init__(self, script: Script, dialect: Dialect = VISION_DIALECT) -> None:
        self._script = script
        self.dialect = dialect
        self._lock = threading.Lock()
        self.address = ""
        self.requests: list[BatchAnalyzeRequest] = []
        self.request_ids: list[str] = []
        """The ids that the service gave to the calls."""
        self.client_request_ids: list[str] = []
        self.authorizations: list[str] = []
        self.data_logging: list[str | None] = []

    @property
    def images_sent(self) -> int:
        """How many images have come, those that were sent again included."""
        return sum(len(request.analyze_specs) for request in self.requests)

    def play(self, message: Message) -> Reply:
        """Let the script answer a request of the API."""
        request = self.dialect.read_request(message)
        with self._lock:
            self.requests.append(request)
        return self._script(request)

    def note(self, call: Call) -> None:
        """Take note of what came with a request."""
        self.request_ids.append(call.ids.request_id)
        self.client_request_ids.append(call.metadata.get("x-client-request-id", ""))
        self.authorizations.append(call.metadata.get("authorization", ""))
        self.data_logging.append(call.metadata.get("x-data-logging-enabled"))

    def in_memory(self) -> Handler:
        """Return the service as a handler for `vision_grpc.testing`: faults become what a transport makes of them."""

        def handler(message: Any) -> Any:  # noqa: ANN401 - of any API
            reply = self.play(message)
            if isinstance(reply, BatchAnalyzeResponse):
                return self.dialect.in_memory(reply)
            if isinstance(reply, ServiceError):
                raise reply
            kind = _IN_MEMORY[type(reply)]
            raise kind(kind.__name__)

        return handler


class Server:
    """The faces of the local service on a port, with a script behind them, until `stop`.

    Without `speaks_http2` it is a server of HTTP/1.1, as REST alone needs.
    """

    def __init__(
        self, service: Service, port: int = 0, *, speaks_http2: bool = True, tls: ssl.SSLContext | None = None
    ) -> None:
        self._threads = ThreadPoolExecutor(_THREADS)
        api = service.dialect.api
        method = Method(
            api.grpc_path, api.route.path, service.dialect.request_class, _no_handler, is_stream=api.is_stream
        )
        desk = Desk(
            check_open=lambda: None,
            identities=None,
            bodies=BodyBudget(_CONFIG.body_bytes),
            quota=Quota(),
            faults=_Faults(service, self._threads),
        )
        routed = application(desk, [method], self._threads, None, host="127.0.0.1", config=_CONFIG, strict=True)
        http = HttpServer(routed, budget=desk.bodies, times=HttpTimes.of(_CONFIG))
        grpc = GrpcFace(desk, [method]) if speaks_http2 else _NoHttp2(desk, http)
        listener = listen("127.0.0.1", port)
        self.port: int = listener.getsockname()[1]
        self._faces = Faces([Listener(listener, tls)], grpc, http)

    def stop(self) -> None:
        """Stop at once, calls and all."""
        self._faces.close(grace_s=0, give_up=lambda: None)
        self._threads.shutdown(wait=False, cancel_futures=True)


@contextmanager
def serve_grpc(script: Script, dialect: Dialect = VISION_DIALECT) -> Iterator[Service]:
    """Serve on a free port, for clients of gRPC."""
    service = Service(script, dialect)
    server = Server(service)
    try:
        service.address = f"127.0.0.1:{server.port}"
        yield service
    finally:
        server.stop()


@contextmanager
def serve_rest(
    script: Script, dialect: Dialect = VISION_DIALECT, *, tls: ssl.SSLContext | None = None
) -> Iterator[Service]:
    """Serve over REST alone on a free port."""
    service = Service(script, dialect)
    server = Server(service, speaks_http2=False, tls=tls)
    try:
        service.address = f"{'http' if tls is None else 'https'}://127.0.0.1:{server.port}"
        yield service
    finally:
        server.stop()


class _Faults:
    """All replies of a script, as the desk takes them."""

    def __init__(self, service: Service, threads: ThreadPoolExecutor) -> None:
        self._service = service
        self._threads = threads

    def strike(self, call: Call) -> "_Faults":
        self._service.note(call)
        # The head of the answer then comes with the answer: to begin it early would show that the connection lives.
        call.struck_by = ("script",)
        return self

    async def before(self, call: Call) -> Sent:
        dialect = self._service.dialect
        request = cast("Message", call.request)
        reply = await asyncio.get_running_loop().run_in_executor(self._threads, self._service.play, request)
        if isinstance(reply, ServiceError):
            sent = Sent.to_error(reply, call.ids)
            is_too_large = isinstance(reply, RequestTooLargeError)
            return sent._replace(http_status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE) if is_too_large else sent
        if isinstance(reply, bytes):
            return dialect.garbage(reply)
        if isinstance(reply, BatchAnalyzeResponse):
            return dialect.reply(reply)
        struck = await reply.before(call)
        if struck is not None:
            return struck
        return reply.after(call, dialect.reply(answer(dialect.read_request(request))), Match())

    def after(self, call: Call, reply: Sent) -> Sent:  # noqa: ARG002 - `before` has said all
        return reply


async def _no_handler(_: Message, __: Call) -> Message:
    message = "the script answers all calls"
    raise AssertionError(message)


class _NoHttp2(GrpcFace):
    """In place of gRPC: what comes as HTTP/2 is read as HTTP/1."""

    def __init__(self, desk: Desk, http: HttpServer) -> None:
        super().__init__(desk, [])
        self._http = http

    def protocol(self) -> Any:  # noqa: ANN401 - no connection of HTTP/2
        return _ReadAsHttp1(self._http)


class _ReadAsHttp1(asyncio.BufferedProtocol):
    def __init__(self, http: HttpServer) -> None:
        self._protocol = http.protocol()
        self._buffer = memoryview(bytearray(1024))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).set_protocol(self._protocol)
        self._protocol.connection_made(transport)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._protocol.data_received(bytes(self._buffer[:nbytes]))
