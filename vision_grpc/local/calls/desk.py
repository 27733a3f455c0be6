"""The way of a call through the service, the same for both faces."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from google.protobuf.message import Message

from vision_grpc.contract.rules import validate
from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.calls.budget import BodyBudget
from vision_grpc.local.calls.call import Call
from vision_grpc.local.calls.method import Method
from vision_grpc.local.calls.quota import Quota
from vision_grpc.local.calls.reply import Reply
from vision_grpc.local.cloud.iam import Identities


class Observer(Protocol):
    """Sees each call come and go: the log, the metrics, the page. Called on the event loop."""

    def began(self, call: Call) -> None:
        """Take note of a call whose headers have come."""

    def ended(self, call: Call, reply: Reply) -> None:
        """Take note of the reply, which is about to be sent."""


class Strike(Protocol):
    """What goes wrong with one call."""

    async def before(self, call: Call) -> Reply | None:
        """Return the reply in place of the service's, None to let the call pass; it may take as long as it likes."""
        ...

    def after(self, call: Call, reply: Reply) -> Reply:
        """Return what is sent in place of the service's own reply."""
        ...


class Faults(Protocol):
    """What goes wrong on command."""

    def strike(self, call: Call) -> Strike | None:
        """Return what goes wrong with a call whose request is there, None if nothing does; the call is counted.

        Raises:
            InvalidRequestError: the call itself orders a fault, and not one that there is.
        """
        ...


class Desk:
    """Takes calls from their headers to their replies."""

    def __init__(
        self,
        *,
        check_open: Callable[[], None],
        identities: Identities | None,
        bodies: BodyBudget,
        quota: Quota,
        faults: Faults | None = None,
        observers: Sequence[Observer] = (),
    ) -> None:
        self._check_open = check_open
        self._identities = identities
        self.bodies = bodies
        """What faces take the bytes from that they read and inflate."""
        self._quota = quota
        self._faults = faults
        self._observers = observers

    async def answer(self, call: Call, method: Method, read: Callable[[], Awaitable[Message]]) -> Reply:
        """Return the reply to a call; failures are replies too.

        `read` reads and parses the body. It is asked only when nothing in the headers is against the call, and raises
        ServiceError for a body that is not a request. The face cancels this when the client has left.
        """
        for observer in self._observers:
            observer.began(call)
        try:
            reply = await self._answer(call, method, read)
        except asyncio.CancelledError:
            self._note_end(call, Reply.to_error(ServiceError(Code.CANCELLED, "the call was cancelled"), call.ids))
            raise
        self._note_end(call, reply)
        return reply

    async def _answer(self, call: Call, method: Method, read: Callable[[], Awaitable[Message]]) -> Reply:
        try:
            # Deadlines are by `time.monotonic`, and so are the times of loops.
            async with asyncio.timeout_at(call.deadline):
                return await self._try_to_answer(call, method, read)
        except TimeoutError:
            return Reply.to_error(_too_late(), call.ids)

    async def _try_to_answer(self, call: Call, method: Method, read: Callable[[], Awaitable[Message]]) -> Reply:
        try:
            self._check_head(call, method)
            call.request = await read()
            validate(call.request)
            if method.count_images is not None:
                self._quota.take_images(method.count_images(call.request), call.test_id)
            strike = None if self._faults is None else self._faults.strike(call)
            if strike is None:
                return Reply.of(await method.handle(call.request, call))
            if (reply := await strike.before(call)) is not None:
                return reply
            return strike.after(call, Reply.of(await method.handle(call.request, call)))
        except Exception as error:  # noqa: BLE001 - a face that raised would answer in its own words
            return Reply.to_error(error, call.ids)

    def _check_head(self, call: Call, method: Method) -> None:
        """Raise what is wrong with a call before its body is read."""
        self._check_open()
        if self._identities is not None and method.needs_credentials:
            call.account = self._identities.check(call.metadata.get("authorization"))
        if call.deadline is not None and call.deadline <= time.monotonic():
            raise _too_late()
        if method.count_images is not None:
            self._quota.take_request(call.test_id)
        if method.kind is not None:
            self._quota.take_call(method.kind, call.test_id)

    def _note_end(self, call: Call, reply: Reply) -> None:
        for observer in self._observers:
            observer.ended(call, reply)


def _too_late() -> ServiceError:
    return ServiceError(Code.DEADLINE_EXCEEDED, "the call's deadline passed before there was an answer")
