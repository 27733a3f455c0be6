"""The service over gRPC, with health checking and reflection."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any, cast

import grpc
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2

from vision_grpc.contract.method import BATCH_ANALYZE
from vision_grpc.contract.sizes import REQUEST_BYTES
from vision_grpc.local.calls.desk import Desk
from vision_grpc.local.calls.method import Method
from vision_grpc.local.cloud.grpc import MODULES, SERVICE_NAMES, add_cloud
from vision_grpc.local.cloud.iam import Identities
from vision_grpc.local.errors import LocalServiceError
from vision_grpc.local.faces.grpc_call import ParsedRequests, answer_by_desk
from vision_grpc.local.listening import TlsFiles, join_address, listen, numeric_host
from vision_grpc.messages import BatchAnalyzeRequest, BatchAnalyzeResponse
from vision_grpc_pb.yandex.cloud.ai.vision.v1 import vision_service_pb2, vision_service_pb2_grpc

_SERVICE: str = BATCH_ANALYZE.containing_service.full_name
_REFLECTION_V1 = "grpc.reflection.v1.ServerReflection"
_OPTIONS = (
    ("grpc.max_receive_message_length", REQUEST_BYTES),
    ("grpc.max_send_message_length", -1),
    # Otherwise a second service could start on the same port and silently take half of the calls.
    ("grpc.so_reuseport", 0),
)


class GrpcFace:
    """A listening server; it answers from `start` on.

    It is not a grpc.aio server, because a second event loop with grpc.aio in a process disturbs the
    poller of asyncio clients in it.
    """

    def __init__(
        self,
        desk: Desk,
        method: Method,
        calls: ThreadPoolExecutor,
        *,
        host: str,
        port: int,
        tls: TlsFiles | None,
        identities: Identities | None,
    ) -> None:
        self._server = grpc.server(calls, interceptors=[ParsedRequests()], options=_OPTIONS)
        self._health = health.HealthServicer()
        vision_service_pb2_grpc.add_VisionServiceServicer_to_server(_Servicer(desk, method), self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names: tuple[str, ...] = (_SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
        if identities is not None:
            add_cloud(self._server, identities, lambda: join_address(host, self.port))
            names += SERVICE_NAMES
        _add_reflection(self._server, names)
        self.port = self._bind(host, port, tls)
        for name in ("", _SERVICE):
            self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    def start(self) -> None:
        """Start accepting calls."""
        self._server.start()

    def stop(self, grace_s: float) -> Event:
        """Accept no more calls and give those in flight `grace_s` seconds; the event is set when all have ended."""
        self._health.enter_graceful_shutdown()
        stopped: Event = self._server.stop(grace_s)
        return stopped

    def _bind(self, host: str, port: int, tls: TlsFiles | None) -> int:
        # gRPC gives no reason when it cannot bind, so an ordinary socket tries first. gRPC gets the numeric address,
        # because it does not understand every form that the system does, such as 127.1.
        with listen(host, port) as free:
            address = join_address(numeric_host(free), port)
        try:
            if tls is None:
                return self._server.add_insecure_port(address)
            pair = (tls.key.read_bytes(), tls.certificate.read_bytes())
            return self._server.add_secure_port(address, grpc.ssl_server_credentials([pair]))
        except RuntimeError as error:
            message = (
                f"cannot listen on {address}, and gRPC gives no reason. "
                "Another process may just have taken the port: choose another (0 takes any)"
            )
            raise LocalServiceError(message) from error


class _Servicer(vision_service_pb2_grpc.VisionServiceServicer):
    def __init__(self, desk: Desk, method: Method) -> None:
        self._desk = desk
        self._method = method

    def BatchAnalyze(  # noqa: N802 - the name that the stubs give it
        self, request: BatchAnalyzeRequest, context: grpc.ServicerContext
    ) -> BatchAnalyzeResponse:
        return answer_by_desk(context, self._desk, self._method, request)  # type: ignore[return-value]


def _add_reflection(server: grpc.Server, names: Iterable[str]) -> None:
    pool = _reflected_pool()
    reflection.enable_server_reflection(names, server, pool=pool)
    # grpcio-reflection serves only v1alpha. Some tools know only v1, which is the same on the wire.
    servicer: Any = reflection.ReflectionServicer(names, pool=pool)
    handler: grpc.RpcMethodHandler[Any, Any] = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(_REFLECTION_V1, {"ServerReflectionInfo": handler}),)
    )


def _reflected_pool() -> DescriptorPool:
    """Return a pool of all services here; the package's own pool has neither health nor reflection."""
    pool = DescriptorPool()
    for module in (vision_service_pb2, health_pb2, reflection_pb2, *MODULES):
        _add_file(pool, cast("FileDescriptor", module.DESCRIPTOR))
    return pool


def _add_file(pool: DescriptorPool, file: FileDescriptor) -> None:
    for dependency in file.dependencies:
        _add_file(pool, dependency)
    pool.AddSerializedFile(file.serialized_pb)
