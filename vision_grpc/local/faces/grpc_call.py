"""One call over gRPC: its ids go with the answer, and its failure is told as all faces tell it."""

from collections.abc import Callable
from typing import TypeVar

import grpc

from vision_grpc.local.failure import CallIds, describe

_ResponseT = TypeVar("_ResponseT")
_STATUS_CODES = {code.value[0]: code for code in grpc.StatusCode}


def answer_call(context: grpc.ServicerContext, work: Callable[[], _ResponseT]) -> _ResponseT:
    """Return what `work` does; its errors end the call with their status, bugs with INTERNAL."""
    ids = CallIds.make()
    context.send_initial_metadata(ids.metadata)
    context.set_trailing_metadata(ids.metadata)
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - gRPC would tell the caller UNKNOWN, and the text of the bug
        status = describe(error, ids)
        # The convention of all gRPC languages for google.rpc.Status.
        context.set_trailing_metadata((*ids.metadata, ("grpc-status-details-bin", status.SerializeToString())))
        context.abort(_STATUS_CODES[status.code], status.message)


def authorization_of(context: grpc.ServicerContext) -> str | None:
    """Return the authorization that came with the call."""
    for name, value in context.invocation_metadata():
        if name == "authorization" and isinstance(value, str):
            return value
    return None
