"""Streams of which an interceptor shows the messages alone."""

from collections.abc import Iterator
from typing import Any

import grpc


def with_methods(call: Any) -> Any:  # noqa: ANN401 - gRPC keeps the class private
    """Return the call, or, in place of messages alone, a call that has them.

    OpenTelemetry's instrumentation of gRPC gives a generator in place of the call of a stream.
    """
    return call if hasattr(call, "cancel") else HiddenCall(call)


class HiddenCall:
    """The methods of a call, as far as its messages and its error tell. The metadata of one that ended well is lost."""

    def __init__(self, messages: Iterator[bytes]) -> None:
        self._messages = messages
        self._error: Any = None
        self._is_cancelled = False

    def __iter__(self) -> Iterator[bytes]:
        try:
            for message in self._messages:
                if self._is_cancelled:
                    return
                yield message
        except grpc.RpcError as error:
            self._error = error
            raise

    def cancel(self) -> None:
        """Take no more messages. The call itself ends with the next one, its deadline or its channel."""
        self._is_cancelled = True

    def result(self) -> None:
        """Do nothing for a call that ended well, or raise gRPC's error."""
        if self._is_cancelled:
            raise grpc.FutureCancelledError
        if self._error is not None:
            raise self._error

    def code(self) -> grpc.StatusCode:
        """Return the status of the call."""
        if self._error is not None:
            code: grpc.StatusCode = self._error.code()
            return code
        return grpc.StatusCode.CANCELLED if self._is_cancelled else grpc.StatusCode.OK

    def details(self) -> str | None:
        """Return the message of the status."""
        details: str | None = None if self._error is None else self._error.details()
        return details

    def initial_metadata(self) -> Any:  # noqa: ANN401
        """Return what the server sent before its answer."""
        return () if self._error is None else self._error.initial_metadata()

    def trailing_metadata(self) -> Any:  # noqa: ANN401
        """Return what the server sent with the status."""
        return () if self._error is None else self._error.trailing_metadata()
