"""A service of ocr/v1 on real sockets that answers what a test tells it: messages of a stream, and then an error.

It has operations too: what is sent to one is answered as by the synchronous call, when the test says that it is ready.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

import grpc
from google.protobuf.message import Message
from images_in_bytes import number_in

from vision_grpc.api.api import Api
from vision_grpc.api.ocr_v1 import OCR_V1
from vision_grpc.codec.json import from_json, to_json
from vision_grpc.errors import Code, ServiceError
from vision_grpc.messages import (
    CancelOperationRequest,
    GetOperationRequest,
    GetRecognitionRequest,
    OcrTextAnnotation,
    Operation,
    RecognizeTextRequest,
    RecognizeTextResponse,
    Status,
)

assert OCR_V1.deferred is not None
DEFERRED = OCR_V1.deferred
NOT_READY = ServiceError(Code.NOT_FOUND, "operation data is not ready")


@dataclass
class Stream:
    """An answer: the messages of a stream, and the error that ends it."""

    pages: Sequence[RecognizeTextResponse] = ()
    error: ServiceError | None = None


Script = Callable[[RecognizeTextRequest], Stream | bytes]
"""Returns the answer to a request; bytes are the body over REST, and no message over gRPC."""


def page(number: int, *lines: str, **more: Any) -> RecognizeTextResponse:  # noqa: ANN401
    """Return a page with these lines, whose words are apart by blanks."""
    answer = RecognizeTextResponse(page=number)
    answer.text_annotation.width = 100
    block = answer.text_annotation.blocks.add(languages=[{"language_code": "ru"}, {"language_code": "en"}])
    for line in lines:
        ocr_line = block.lines.add(text=line)
        for word in line.split():
            ocr_word = ocr_line.words.add(text=word, entity_index=-1)
            ocr_word.bounding_box.vertices.add(x=1, y=2)
            ocr_word.bounding_box.vertices.add(x=3, y=4)
    answer.text_annotation.MergeFrom(OcrTextAnnotation(**more))
    return answer


def answer(request: RecognizeTextRequest) -> Stream:
    """Read the number in an image."""
    return Stream([page(0, f"number {number_in(request.content)}")])


class Recognition(Protocol):
    """What GetRecognition answers: for which operation, and how often it has been asked about before."""

    def __call__(self, operation_id: str, asked: int, /) -> Stream | bytes | None:
        """Return the answer; None: what the script says of the file."""
        ...


def ready_after(polls: int) -> Recognition:
    """Return what makes operations be ready after so many questions."""
    return lambda _, asked: Stream(error=NOT_READY) if asked < polls else None


@dataclass
class OcrService:
    """What has come; `address` is the endpoint of a client."""

    script: Script
    recognition: Recognition = field(default_factory=lambda: ready_after(1))
    submission: Callable[[int], Operation | ServiceError | None] = lambda _: None
    """What the call that sends a file answers: how many were sent before; None accepts it."""
    status: Callable[[str], Operation | ServiceError] = lambda operation_id: Operation(id=operation_id)
    address: str = ""
    requests: list[RecognizeTextRequest] = field(default_factory=list[RecognizeTextRequest])
    headers: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    operations: dict[str, RecognizeTextRequest] = field(default_factory=dict[str, RecognizeTextRequest])
    submissions: int = 0
    polls: Counter[str] = field(default_factory=Counter[str])
    statuses: list[str] = field(default_factory=list[str])
    cancelled: list[str] = field(default_factory=list[str])
    lock: Lock = field(default_factory=Lock)

    def answer(self, request: RecognizeTextRequest, headers: dict[str, str]) -> Stream | bytes:
        """Take note of a request, and answer it."""
        self.requests.append(request)
        self.headers.append(headers)
        return self.script(request)

    def submit(self, request: RecognizeTextRequest, headers: dict[str, str]) -> Operation | ServiceError:
        """Take a file, and answer with an operation."""
        self.headers.append(headers)
        with self.lock:
            number, self.submissions = self.submissions, self.submissions + 1
        if (said := self.submission(number)) is not None:
            return said
        self.operations[f"op-{number}"] = request
        return Operation(id=f"op-{number}")

    def recognize(self, request: GetRecognitionRequest, headers: dict[str, str]) -> Stream | bytes:
        """Answer whether a result is there."""
        self.headers.append(headers)
        with self.lock:
            asked = self.polls[request.operation_id]
            self.polls[request.operation_id] += 1
        answer = self.recognition(request.operation_id, asked)
        if answer is None:
            return self.script(self.operations[request.operation_id])
        return answer

    def tell(self, request: GetOperationRequest, headers: dict[str, str]) -> Operation | ServiceError:
        """Answer what an operation does."""
        self.headers.append(headers)
        self.statuses.append(request.operation_id)
        return self.status(request.operation_id)

    def cancel(self, request: CancelOperationRequest, headers: dict[str, str]) -> Operation | ServiceError:
        """Cancel an operation."""
        self.headers.append(headers)
        self.cancelled.append(request.operation_id)
        error = Status(code=Code.CANCELLED, message="cancelled")
        return Operation(id=request.operation_id, done=True, error=error)

    @property
    def methods(self) -> Mapping[Api, Callable[[Any, dict[str, str]], Stream | bytes | Operation | ServiceError]]:
        """What answers each method."""
        return {
            OCR_V1: self.answer,
            DEFERRED.submission: self.submit,
            DEFERRED.recognition: self.recognize,
            DEFERRED.status: self.tell,
            DEFERRED.cancel: self.cancel,
        }


@contextmanager
def serve_ocr(script: Script, transport: str, **scripts: Any) -> Iterator[OcrService]:  # noqa: ANN401
    """Serve ocr/v1 over gRPC or REST on a free port."""
    service = OcrService(script, **scripts)
    with (_grpc if transport == "grpc" else _rest)(service):
        yield service


@contextmanager
def _grpc(service: OcrService) -> Iterator[None]:
    options = [("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0)]
    handlers = [_grpc_method(api, answer) for api, answer in service.methods.items()]
    server = grpc.server(ThreadPoolExecutor(8), handlers=handlers, options=options)
    service.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield
    finally:
        server.stop(None).wait()


def _grpc_method(api: Api, answer: Callable[[Any, dict[str, str]], Any]) -> Any:  # noqa: ANN401
    def respond(request: Message, call: grpc.ServicerContext) -> Iterator[bytes]:
        headers = {key: str(value) for key, value in call.invocation_metadata()}
        call.send_initial_metadata((("x-request-id", "id-1"),))
        # With the status too: grpc.aio may lose initial metadata that come together with it.
        call.set_trailing_metadata((("x-request-id", "id-1"),))
        said = answer(request, headers)
        if isinstance(said, bytes):
            yield said
            return
        stream = said if isinstance(said, Stream) else _stream_of(said)
        for page in stream.pages:
            yield page.SerializeToString()
        if stream.error is not None:
            code = next(code for code in grpc.StatusCode if code.value[0] == stream.error.code)
            call.abort(code, stream.error.message)

    _, name, method = api.grpc_path.split("/")
    parse = api._request_class.FromString
    handler: Any
    if api.is_stream:
        handler = grpc.unary_stream_rpc_method_handler(respond, parse)
    else:
        handler = grpc.unary_unary_rpc_method_handler(lambda *given: next(respond(*given)), parse)
    return grpc.method_handlers_generic_handler(name, {method: handler})


def _stream_of(said: Operation | ServiceError) -> Stream:
    return Stream(error=said) if isinstance(said, ServiceError) else Stream([said])  # type: ignore[list-item]


def _http_of(said: Stream | Operation | ServiceError) -> tuple[int, bytes]:
    """Return the status and the body of an answer over REST."""
    if isinstance(said, Operation):
        return 200, to_json(said)
    stream = said if isinstance(said, Stream) else Stream(error=said)
    lines, status = [b'{"result":%b}' % to_json(page) for page in stream.pages], 200
    if (error := stream.error) is not None:
        lines.append(b'{"error":%b}' % to_json(Status(code=error.code, message=error.message)))
        status = 200 if stream.pages else error.code.http_status
    return status, b"\n".join(lines)


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Let clients hang up."""


@contextmanager
def _rest(service: OcrService) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            api = OCR_V1 if self.path == OCR_V1.route.path else DEFERRED.submission
            assert self.path == api.route.path
            self._respond(api, from_json(body, RecognizeTextRequest))

        def do_GET(self) -> None:
            assert self.headers["content-length"] is None
            address = urlsplit(self.path)
            if address.path == DEFERRED.recognition.route.path:
                [operation_id] = parse_qs(address.query)["operationId"]
                self._respond(DEFERRED.recognition, GetRecognitionRequest(operation_id=operation_id))
                return
            name = address.path.removeprefix("/operations/")
            if name.endswith(":cancel"):
                self._respond(DEFERRED.cancel, CancelOperationRequest(operation_id=name.removesuffix(":cancel")))
            else:
                self._respond(DEFERRED.status, GetOperationRequest(operation_id=name))

        def _respond(self, api: Api, request: Message) -> None:
            said = service.methods[api](request, {key.lower(): value for key, value in self.headers.items()})
            status, content = (200, said) if isinstance(said, bytes) else _http_of(said)
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("x-request-id", "id-1")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
            """Stay quiet."""

    server = _QuietServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    service.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
