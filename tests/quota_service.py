"""A service of a shared quota as a process of its own, one that says what a test wants, and one of Envoy's protocol."""

import json
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock

import grpc
from command_line import finish, read_line, start

from vision_grpc.quota.messages import SERVICE
from vision_grpc_pb.vision_grpc.envoy.v1.rate_limit_pb2 import RateLimitRequest, RateLimitResponse
from vision_grpc_pb.vision_grpc.quota.v1.quota_service_pb2 import ReserveRequest, ReserveResponse


@contextmanager
def quota_service(*options: object) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Give a service that has announced itself, and its address."""
    process = start("quota", *options)
    try:
        yield process, json.loads(read_line(process))["address"]
    finally:
        process.kill()
        finish(process)


@contextmanager
def scripted_quota_service(reply: Callable[[ReserveRequest], ReserveResponse]) -> Iterator[str]:
    """Give the address of a service that answers as a function says."""

    def reserve(request: ReserveRequest, _context: grpc.ServicerContext) -> ReserveResponse:
        return reply(request)

    server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
    handler = grpc.unary_unary_rpc_method_handler(reserve, ReserveRequest.FromString, ReserveResponse.SerializeToString)
    handlers = {"Reserve": handler}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield address
    finally:
        server.stop(None).wait()


class RateLimits:
    """A rate limit service with answers that are set by hand: the last one stays."""

    def __init__(self, *answers: RateLimitResponse | grpc.StatusCode) -> None:
        self._answers = list(answers)
        self._lock = Lock()
        self.requests: list[RateLimitRequest] = []

    def should_rate_limit(self, request: RateLimitRequest, context: grpc.ServicerContext) -> RateLimitResponse:
        with self._lock:
            self.requests.append(request)
            answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, grpc.StatusCode):
            context.abort(answer, "as the test says")
        return answer

    @contextmanager
    def running(self, port: int = 0) -> Iterator[str]:
        """Give the address of the service."""
        server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
        handler = grpc.unary_unary_rpc_method_handler(
            self.should_rate_limit, RateLimitRequest.FromString, RateLimitResponse.SerializeToString
        )
        name = "envoy.service.ratelimit.v3.RateLimitService"
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, {"ShouldRateLimit": handler}),))
        address = f"127.0.0.1:{server.add_insecure_port(f'127.0.0.1:{port}')}"
        server.start()
        try:
            yield address
        finally:
            server.stop(None).wait()
