"""A Vision service on real sockets that does what a test tells it, over gRPC or REST.

A test hands over a function from the request to the reply: a message, raw bytes, an exception of
ours as the error to answer, or one of the misdeeds below. The local service of the package
behaves; this one need not.
"""

import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any, NamedTuple

import grpc
from images_in_bytes import number_in
from link import Link
from toy_api import VISION_DIALECT, Dialect

from vision_grpc.codec.json import to_json
from vision_grpc.errors import DeadlineError, ProtocolError, RequestTooLargeError, ServiceError, TransportError
from vision_grpc.messages import (
    AnalyzeResult,
    BatchAnalyzeRequest,
    BatchAnalyzeResponse,
    Block,
    FeatureResult,
    Line,
    Page,
    RetryInfo,
    Status,
    TextAnnotation,
    Word,
)
from vision_grpc.testing import Handler

_TOO_LARGE = 413


class Silence:
    """Never answer."""


class Disconnect:
    """Break the connection."""


class NoUpstream:
    """Answer as a gateway does which does not reach the service: in Envoy's words."""

    message = (
        "upstream connect error or disconnect/reset before headers. reset reason: remote connection failure, "
        "transport failure reason: delayed connect error: Connection refused"
    )
    metadata = (("server", "envoy"),)


class ErrorWithWait(NamedTuple):
    """An error that asks for a wait: by RetryInfo, or as REST gateways do, by the header."""

    error: ServiceError
    retry_after_s: int


Reply = BatchAnalyzeResponse | bytes | ServiceError | ErrorWithWait | Silence | Disconnect | NoUpstream
Script = Callable[[BatchAnalyzeRequest], Reply]


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
        self._closing = threading.Event()
        self._ids = count(1)
        self.address = ""
        self.requests: list[BatchAnalyzeRequest] = []
        self.client_request_ids: list[str] = []
        self.authorizations: list[str] = []
        self.data_logging: list[str | None] = []
        self.link: Link | None = None

    @property
    def images_sent(self) -> int:
        """How many images have come, those that were sent again included."""
        return sum(len(request.analyze_specs) for request in self.requests)

    def reply(self, request: BatchAnalyzeRequest) -> Reply:
        """Let the script answer; a silence lasts until the service ends."""
        with self._lock:
            self.requests.append(request)
        reply = self._script(request)
        if isinstance(reply, Silence):
            self._closing.wait()
        elif isinstance(reply, Disconnect) and self.link is not None:
            self.link.cut()
        return reply

    def note(self, metadata: dict[str, str]) -> str:
        """Take note of what came with a request; return the id of the answer."""
        with self._lock:
            self.client_request_ids.append(metadata.get("x-client-request-id", ""))
            self.authorizations.append(metadata.get("authorization", ""))
            self.data_logging.append(metadata.get("x-data-logging-enabled"))
            return f"id-{next(self._ids)}"

    def in_memory(self) -> Handler:
        """Return the service as a handler for `vision_grpc.testing`: misdeeds become what a transport makes of them."""

        def handler(message: Any) -> Any:  # noqa: ANN401 - of any API
            request = self.dialect.read_request(message)
            with self._lock:
                self.requests.append(request)
            reply = self._script(request)
            if isinstance(reply, BatchAnalyzeResponse):
                return self.dialect.write_response(reply)
            if isinstance(reply, ErrorWithWait):
                error = reply.error
                error.retry_after_s = reply.retry_after_s
                raise error
            if isinstance(reply, ServiceError):
                raise reply
            misdeeds = {
                Silence: DeadlineError,
                Disconnect: TransportError,
                NoUpstream: TransportError,
                bytes: ProtocolError,
            }
            misdeed = misdeeds[type(reply)]
            raise misdeed(misdeed.__name__)

        return handler

    def close(self) -> None:
        """End all silences."""
        self._closing.set()


@contextmanager
def serve_grpc(script: Script, dialect: Dialect = VISION_DIALECT) -> Iterator[Service]:
    """Serve over gRPC on a free port."""
    service = Service(script, dialect)
    server = start_grpc(service)
    try:
        with Link(server.port) as link:
            service.link = link
            service.address = f"127.0.0.1:{link.port}"
            yield service
    finally:
        service.close()
        server.stop()


class GrpcServer(NamedTuple):
    """A server that runs."""

    server: grpc.Server
    port: int

    def stop(self) -> None:
        """Stop at once, calls and all."""
        self.server.stop(None).wait()

    def wait(self) -> None:
        """Serve until it is stopped."""
        self.server.wait_for_termination()


def start_grpc(service: Service, port: int = 0) -> GrpcServer:
    """Start a server for the service."""
    _, name, method = service.dialect.api.grpc_path.split("/")
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(
        lambda wire, call: _over_grpc(service, wire, call)
    )
    handlers = grpc.method_handlers_generic_handler(name, {method: handler})
    options = [("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0)]
    server = grpc.server(ThreadPoolExecutor(32), handlers=[handlers], options=options)
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    return GrpcServer(server, bound)


def _over_grpc(service: Service, wire: bytes, call: grpc.ServicerContext) -> bytes:
    request_id = service.note({key: str(value) for key, value in call.invocation_metadata()})
    reply = service.reply(service.dialect.request_of_wire(wire))
    if isinstance(reply, NoUpstream):
        # Without initial metadata, it is one frame of headers, as of Envoy.
        call.set_trailing_metadata(NoUpstream.metadata)
        return call.abort(grpc.StatusCode.UNAVAILABLE, NoUpstream.message)
    # With the answer: to begin it early would show that the connection lives.
    call.send_initial_metadata((("x-request-id", request_id),))
    if isinstance(reply, BatchAnalyzeResponse):
        return service.dialect.write_response(reply).SerializeToString()
    if isinstance(reply, bytes):
        return reply
    if isinstance(reply, ErrorWithWait):
        status = Status(code=reply.error.code, message=reply.error.message)
        info = RetryInfo()
        info.retry_delay.seconds = reply.retry_after_s
        status.details.add().Pack(info)
        call.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        reply = reply.error
    if isinstance(reply, ServiceError):
        code = next(code for code in grpc.StatusCode if code.value[0] == reply.code)
        message = reply.message
    else:
        code, message = grpc.StatusCode.UNAVAILABLE, "the service ends"
    # It raises, which its type does not tell.
    return call.abort(code, message)


@contextmanager
def serve_rest(
    script: Script, dialect: Dialect = VISION_DIALECT, *, tls: ssl.SSLContext | None = None
) -> Iterator[Service]:
    """Serve over REST on a free port."""
    service = Service(script, dialect)
    server = RestServer(service)
    if tls is not None:
        # The handshake is for the thread of the connection: here, one that stalls would hold up all.
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        with Link(server.server_port) as link:
            service.link = link
            service.address = f"{'http' if tls is None else 'https'}://127.0.0.1:{link.port}"
            yield service
    finally:
        service.close()
        server.shutdown()
        server.server_close()
        thread.join()


class RestServer(ThreadingHTTPServer):
    """A server that `serve_forever` runs; it listens already."""

    # Connections that the client keeps alive would keep their threads.
    daemon_threads = True
    block_on_close = False

    def __init__(self, service: Service, port: int = 0) -> None:
        self.service = service
        super().__init__(("127.0.0.1", port), _RestHandler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Let clients hang up."""


class _RestHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: RestServer

    def do_POST(self) -> None:
        request_id = self.server.service.note({key.lower(): value for key, value in self.headers.items()})
        body = self.rfile.read(int(self.headers["content-length"]))
        service = self.server.service
        if self.path != service.dialect.api.rest_path:
            self._send(404, b"", request_id)
            return
        reply = service.reply(service.dialect.request_of_json(body))
        if isinstance(reply, BatchAnalyzeResponse):
            self._send(200, to_json(service.dialect.write_response(reply)), request_id)
        elif isinstance(reply, bytes):
            self._send(200, reply, request_id)
        elif isinstance(reply, ErrorWithWait):
            self._refuse(reply.error, request_id, {"retry-after": str(reply.retry_after_s)})
        elif isinstance(reply, ServiceError):
            self._refuse(reply, request_id, {})
        elif isinstance(reply, NoUpstream):
            headers = {"content-type": "text/plain", **dict(NoUpstream.metadata)}
            self._send(503, NoUpstream.message.encode(), None, headers)
        else:
            self.close_connection = True

    def _refuse(self, error: ServiceError, request_id: str, headers: dict[str, str]) -> None:
        status = _TOO_LARGE if isinstance(error, RequestTooLargeError) else error.code.http_status
        self._send(status, to_json(Status(code=error.code, message=error.message)), request_id, headers)

    def _send(self, status: int, body: bytes, request_id: str | None, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        ids = {} if request_id is None else {"x-request-id": request_id}
        for name, value in {**ids, "content-length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
        """Stay quiet."""
