"""One call over gRPC: its ids as metadata, and its failure as a status with details."""

import asyncio
import base64
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn, TypeAlias, TypeVar, cast

import grpc
from google.protobuf.message import DecodeError, Message

from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.calls.call import Call, CallIds
from vision_grpc.local.calls.desk import Desk
from vision_grpc.local.calls.failure import describe
from vision_grpc.local.calls.method import Method

_ResponseT = TypeVar("_ResponseT")
_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any] | None"
_STATUS_CODES = {code.value[0]: code for code in grpc.StatusCode}


def answer_call(context: grpc.ServicerContext, work: Callable[[], _ResponseT]) -> _ResponseT:
    """Return the result of `work`. An error ends the call with its status, an unexpected exception with INTERNAL."""
    ids = CallIds.make()
    context.send_initial_metadata(ids.metadata)
    context.set_trailing_metadata(ids.metadata)
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - gRPC would answer UNKNOWN with the text of the exception
        status = describe(error, ids)
        # gRPC's key for a google.rpc.Status, in all languages.
        context.set_trailing_metadata((*ids.metadata, ("grpc-status-details-bin", status.SerializeToString())))
        context.abort(_STATUS_CODES[status.code], status.message)


class ParsedRequests(grpc.ServerInterceptor):
    """Ends calls whose request is not valid protobuf with INVALID_ARGUMENT; gRPC itself would answer INTERNAL."""

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], _Handler],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> _Handler:
        """Return the handler of the method, None if there is no such method."""
        handler: Any = continuation(handler_call_details)
        if handler is None or handler.unary_unary is None or handler.request_deserializer is None:
            return handler  # type: ignore[no-any-return]

        def parse(wire: bytes) -> Message | ServiceError:
            # An exception here would be the INTERNAL of gRPC.
            try:
                return handler.request_deserializer(wire)  # type: ignore[no-any-return]
            except DecodeError:
                message = f"the {len(wire):,} bytes are not a valid protobuf message of {handler_call_details.method}"
                return ServiceError(Code.INVALID_ARGUMENT, message)

        def answer(request: Message | ServiceError, context: grpc.ServicerContext) -> object:
            if isinstance(request, ServiceError):
                return answer_call(context, partial(_raise, request))
            return handler.unary_unary(request, context)

        return grpc.unary_unary_rpc_method_handler(
            answer, request_deserializer=parse, response_serializer=handler.response_serializer
        )


def _raise(error: ServiceError) -> NoReturn:
    raise error


def answer_by_desk(context: grpc.ServicerContext, desk: Desk, method: Method, request: Message) -> Message:
    """Return the desk's answer to a call; blocks until it is there."""
    metadata: dict[str, str] = {}
    for name, value in context.invocation_metadata():
        text = value if isinstance(value, str) else base64.b64encode(value).decode()
        metadata[name] = f"{metadata[name]}, {text}" if name in metadata else text
    call = Call(
        face="grpc",
        method=method.path,
        peer=context.peer().partition(":")[2],
        metadata=metadata,
        line=_Line(),
        deadline=time.monotonic() + context.time_remaining(),
        request_bytes=request.ByteSize(),
    )
    context.add_callback(call.left.set)
    context.send_initial_metadata(call.ids.metadata)
    context.set_trailing_metadata(call.ids.metadata)

    async def read() -> Message:
        return request

    reply = asyncio.run(desk.answer(call, method, read))
    if reply.status is None:
        return cast("Message", reply.message)
    status = reply.status
    context.set_trailing_metadata((*call.ids.metadata, ("grpc-status-details-bin", status.SerializeToString())))
    return context.abort(_STATUS_CODES[status.code], status.message)


class _Line:
    """A connection of the C core's, which cannot be broken on command."""

    def reset(self) -> None: ...

    def close(self) -> None: ...

    def reset_call(self) -> None: ...

    def go_away(self) -> None: ...

    def freeze(self) -> None: ...
