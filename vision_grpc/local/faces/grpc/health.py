"""Health checking: grpc.health.v1."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

from google.protobuf.message import Message
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.faces.grpc.exchange import StreamingMethod
from vision_grpc.texts.quoting import show

HEALTH: Any = health_pb2.DESCRIPTOR.services_by_name["Health"]


class Health:
    """The state of the service: serving until it stops."""

    def __init__(self, names: Iterable[str]) -> None:
        # The empty name stands for the whole server.
        self._names = {"", *names}
        self._stopping = asyncio.Event()

    @property
    def methods(self) -> list[StreamingMethod]:
        """Check, Watch, and List where the installed proto has it."""
        handlers = {"Check": self._check, "Watch": self._watch, "List": self._list}
        return [
            StreamingMethod(
                f"/{HEALTH.full_name}/{method.name}", getattr(health_pb2, method.input_type.name), handlers[method.name]
            )
            for method in HEALTH.methods
        ]

    def stop(self) -> None:
        """Say NOT_SERVING from now on."""
        self._stopping.set()

    def _state_of(self, name: str) -> HealthCheckResponse:
        if name not in self._names:
            return HealthCheckResponse(status=HealthCheckResponse.SERVICE_UNKNOWN)
        stopping = self._stopping.is_set()
        return HealthCheckResponse(status=HealthCheckResponse.NOT_SERVING if stopping else HealthCheckResponse.SERVING)

    async def _check(self, requests: AsyncIterator[HealthCheckRequest]) -> AsyncIterator[HealthCheckResponse]:
        async for request in requests:
            state = self._state_of(request.service)
            if state.status == HealthCheckResponse.SERVICE_UNKNOWN:
                message = f"there is no service {show(request.service)}"
                raise ServiceError(Code.NOT_FOUND, message)
            yield state
            return

    async def _watch(self, requests: AsyncIterator[HealthCheckRequest]) -> AsyncIterator[HealthCheckResponse]:
        async for request in requests:
            before = self._state_of(request.service)
            yield before
            await self._stopping.wait()
            if before.status == HealthCheckResponse.SERVING:
                yield self._state_of(request.service)
            message = "the service is stopping"
            raise ServiceError(Code.UNAVAILABLE, message)

    async def _list(self, requests: AsyncIterator[object]) -> AsyncIterator[Message]:
        # Older versions have neither the method nor its messages.
        response_class: Any = getattr(health_pb2, "HealthListResponse", None)
        async for _ in requests:
            yield response_class(statuses={name: self._state_of(name) for name in sorted(self._names)})
            return
