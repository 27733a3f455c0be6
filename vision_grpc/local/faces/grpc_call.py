"""One call over gRPC: the ids go with the answer, and a failure becomes the same status as over REST."""

from collections.abc import Callable
from typing import TypeVar

import grpc

from vision_grpc.local.failure import CallIds, describe

_ResponseT = TypeVar("_ResponseT")
_STATUS_CODES = {code.value[0]: code for code in grpc.StatusCode}


def answer_call(context: grpc.ServicerContext, work: Callable[[], _ResponseT]) -> _ResponseT:
    """Return the result of `work`; its errors end the call with their status, bugs with INTERNAL."""
    ids = CallIds.make()
    context.send_initial_metadata(ids.metadata)
    context.set_trailing_metadata(ids.metadata)
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - gRPC would send UNKNOWN and the bug's text to the caller
        status = describe(error, ids)
        # The convention of all gRPC languages for google.rpc.Status.
        context.set_trailing_metadata((*ids.metadata, ("grpc-status-details-bin", status.SerializeToString())))
        context.abort(_STATUS_CODES[status.code], status.message)


def authorization_of(context: grpc.ServicerContext) -> str | None:
    """Return the authorization in the call's metadata, None without one."""
    for name, value in context.invocation_metadata():
        if name == "authorization" and isinstance(value, str):
            return value
    return None
