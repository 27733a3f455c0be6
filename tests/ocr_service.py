"""A service of ocr/v1 on real sockets that answers what a test tells it: messages of a stream, and then an error."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import grpc

from vision_grpc.api.ocr_v1 import OCR_V1
from vision_grpc.codec.json import from_json, to_json
from vision_grpc.errors import ServiceError
from vision_grpc.messages import RecognizeTextRequest, RecognizeTextResponse, Status


@dataclass
class Stream:
    """An answer: the messages of a stream, and the error that ends it."""

    pages: Sequence[RecognizeTextResponse] = ()
    error: ServiceError | None = None


Script = Callable[[RecognizeTextRequest], Stream | bytes]
"""Returns the answer to a request; bytes are the body over REST, and no message over gRPC."""


@dataclass
class OcrService:
    """What has come; `address` is the endpoint of a client."""

    script: Script
    address: str = ""
    requests: list[RecognizeTextRequest] = field(default_factory=list[RecognizeTextRequest])
    headers: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    def answer(self, request: RecognizeTextRequest, headers: dict[str, str]) -> Stream | bytes:
        """Take note of a request, and answer it."""
        self.requests.append(request)
        self.headers.append(headers)
        return self.script(request)


@contextmanager
def serve_ocr(script: Script, transport: str) -> Iterator[OcrService]:
    """Serve ocr/v1 over gRPC or REST on a free port."""
    service = OcrService(script)
    with (_grpc if transport == "grpc" else _rest)(service):
        yield service


@contextmanager
def _grpc(service: OcrService) -> Iterator[None]:
    def recognize(request: RecognizeTextRequest, call: grpc.ServicerContext) -> Iterator[bytes]:
        headers = {key: str(value) for key, value in call.invocation_metadata()}
        call.send_initial_metadata((("x-request-id", "id-1"),))
        answer = service.answer(request, headers)
        if isinstance(answer, bytes):
            yield answer
            return
        for page in answer.pages:
            yield page.SerializeToString()
        if answer.error is not None:
            code = next(code for code in grpc.StatusCode if code.value[0] == answer.error.code)
            call.abort(code, answer.error.message)

    _, name, method = OCR_V1.grpc_path.split("/")
    handler: Any = grpc.unary_stream_rpc_method_handler(recognize, RecognizeTextRequest.FromString)
    handlers = grpc.method_handlers_generic_handler(name, {method: handler})
    options = [("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0)]
    server = grpc.server(ThreadPoolExecutor(8), handlers=[handlers], options=options)
    service.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield
    finally:
        server.stop(None).wait()


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
            assert self.path == OCR_V1.rest_path
            answer = service.answer(
                from_json(body, RecognizeTextRequest), {key.lower(): value for key, value in self.headers.items()}
            )
            status = 200
            if not isinstance(answer, bytes):
                error = answer.error
                lines = [b'{"result":%b}' % to_json(page) for page in answer.pages]
                if error is not None:
                    lines.append(b'{"error":%b}' % to_json(Status(code=error.code, message=error.message)))
                    status = 200 if answer.pages else error.code.http_status
                answer = b"\n".join(lines)
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("x-request-id", "id-1")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

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
