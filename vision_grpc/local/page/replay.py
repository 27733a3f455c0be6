"""A remembered call, sent once more."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from google.protobuf.message import Message

from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.calls.call import Call
from vision_grpc.local.calls.desk import Desk
from vision_grpc.local.calls.method import Method
from vision_grpc.local.calls.reply import Reply
from vision_grpc.local.page.history import REPLAY_OF
from vision_grpc.local.page.masking import MASK
from vision_grpc.local.page.record import Record

# They describe how the body came, and a replay has no body.
_OF_BODIES = frozenset(
    {"accept-encoding", "content-encoding", "content-length", "content-type", "grpc-encoding", "grpc-timeout", "te",
     "transfer-encoding"}
)  # fmt: skip


class Replays:
    """Sends remembered calls once more, by the same desk as those of clients."""

    def __init__(self, desk: Desk, methods: Iterable[Method]) -> None:
        self._desk = desk
        self._methods = {method.path: method for method in methods}

    def method_of(self, record: Record) -> Method | None:
        """Return the method of a remembered call, None if it is not one of the service's own."""
        return self._methods.get(record.method)

    async def send(
        self, record: Record, *, authorization: str | None, peer: str, gone: Callable[[], Awaitable[None]]
    ) -> tuple[Call, Reply | None]:
        """Answer a call once more, with the faults and the quota of now.

        Returns the new call and its reply, which is None where a fault broke the connection. `gone` returns when
        nobody waits for the reply any more.

        Raises:
            ServiceError: the request is not remembered.
        """
        kept = record.request
        if kept is None:
            message = "the request is not remembered: it was not read to its end, or later ones took its place"
            raise ServiceError(Code.FAILED_PRECONDITION, message)
        line = _NoLine()
        call = Call(
            face="grpc" if record.transport == "grpc" else "rest",
            method=record.method,
            peer=peer,
            metadata=_metadata_again(record, authorization),
            line=line,
        )
        call.request_bytes = record.request_bytes

        async def read() -> Message:
            return kept.message()

        answering = asyncio.ensure_future(self._desk.answer(call, self._methods[record.method], read))
        others = {asyncio.ensure_future(line.broken.wait()), asyncio.ensure_future(gone())}
        try:
            await asyncio.wait({answering, *others}, return_when=asyncio.FIRST_COMPLETED)
            return call, answering.result() if answering.done() else None
        finally:
            call.left.set()
            for each in (answering, *others):
                each.cancel()
            await asyncio.gather(answering, *others, return_exceptions=True)


def _metadata_again(record: Record, authorization: str | None) -> dict[str, str]:
    """Return the metadata without what was secret, with the credentials of whoever asks for the replay."""
    metadata = {name: value for name, value in record.metadata.items() if MASK not in value and name not in _OF_BODIES}
    metadata[REPLAY_OF] = record.id
    if authorization is not None:
        metadata["authorization"] = authorization
    return metadata


class _NoLine:
    """Stands where the connection of the caller would be: there is nothing to break, but the replay ends."""

    def __init__(self) -> None:
        self.broken = asyncio.Event()

    def reset(self) -> None:
        """End the replay."""
        self.broken.set()

    def close(self) -> None:
        """End the replay."""
        self.broken.set()

    def reset_call(self) -> None:
        """End the replay."""
        self.broken.set()

    def go_away(self) -> None:
        """Do nothing: there will be no further call."""

    def freeze(self) -> None:
        """Do nothing: whoever asked for the replay ends it."""
