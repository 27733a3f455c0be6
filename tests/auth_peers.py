"""Servers that credentials are exchanged at: by the book, or as each test wants them to misbehave."""

import ssl
import threading
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import NamedTuple

import grpc

from vision_grpc.codec.json import from_json, to_json
from vision_grpc.errors import ServiceError
from vision_grpc.local.cloud.iam import Identities
from vision_grpc.messages import CreateIamTokenRequest, CreateIamTokenResponse, Status

IAM_METHOD = "/yandex.cloud.iam.v1.IamTokenService/Create"
IAM_PATH = "/iam/v1/tokens"
_CODES = {code.value[0]: code for code in grpc.StatusCode}


class Request(NamedTuple):
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Reply(NamedTuple):
    status: int
    body: bytes
    content_type: str = "application/json"
    date: str | None = None
    headers: Mapping[str, str] = MappingProxyType({})


@contextmanager
def http_server(answer: Callable[[Request], Reply], tls: ssl.SSLContext | None = None) -> Generator[str]:
    """Give the URL of a server that answers so."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = answer(Request(self.command, self.path, headers, body))
            self.send_response_only(reply.status)
            self.send_header("date", reply.date or self.date_time_string())
            self.send_header("content-type", reply.content_type)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

        def handle_error(self, *_: object) -> None:
            """Clients that leave are part of the tests."""

    with Server(("127.0.0.1", 0), Handler) as server:
        scheme = "http"
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
            scheme = "https"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"{scheme}://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def grpc_server(
    answer: Callable[[bytes, grpc.ServicerContext], bytes],
    tls: grpc.ServerCredentials | None = None,
    method: str = IAM_METHOD,
) -> Generator[str]:
    """Give the address of a server whose one method answers so, bytes to bytes."""
    service, _, name = method.strip("/").partition("/")
    handler = grpc.method_handlers_generic_handler(service, {name: grpc.unary_unary_rpc_method_handler(answer)})
    server = grpc.server(ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0") if tls is None else server.add_secure_port("127.0.0.1:0", tls)
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(0).wait()


def iam_over_rest(identities: Identities) -> Callable[[Request], Reply]:
    """Return what an IAM service answers over REST."""

    def answer(request: Request) -> Reply:
        assert (request.method, request.path) == ("POST", IAM_PATH)
        try:
            response = identities.create_token(from_json(request.body, CreateIamTokenRequest))
        except ServiceError as error:
            return Reply(error.code.http_status, to_json(Status(code=error.code, message=error.message)))
        return Reply(200, to_json(response))

    return answer


def iam_over_grpc(identities: Identities) -> Callable[[bytes, grpc.ServicerContext], bytes]:
    """Return what an IAM service answers over gRPC."""

    def answer(wire: bytes, context: grpc.ServicerContext) -> bytes:
        try:
            response = identities.create_token(CreateIamTokenRequest.FromString(wire))
        except ServiceError as error:
            context.send_initial_metadata((("x-request-id", "r"),))
            context.abort(_CODES[error.code], error.message)
        return response.SerializeToString()

    return answer


def always(reply: Reply) -> Callable[[Request], Reply]:
    """Return an answer that is the same for every request."""
    return lambda _: reply


def token_answer(value: str, expires_at_s: int) -> bytes:
    """Return the JSON of a token."""
    response = CreateIamTokenResponse(iam_token=value)
    response.expires_at.FromSeconds(expires_at_s)
    return to_json(response)
