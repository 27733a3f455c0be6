"""One call over gRPC: its ids as metadata, and its failure as a status with details."""

from collections.abc import Callable
from typing import TypeVar

import grpc

from vision_grpc.local.failure import CallIds, describe

_ResponseT = TypeVar("_ResponseT")
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


def authorization_of(context: grpc.ServicerContext) -> str | None:
    """Return the authorization metadata of the call, None if it has none."""
    for name, value in context.invocation_metadata():
        if name == "authorization" and isinstance(value, str):
            return value
    return None
