"""A client whose calls are made as somebody else each, over one connection and within one quota."""

import time
from collections.abc import Sequence
from contextvars import Context, copy_context
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from vision_grpc.aio import AsyncVisionClient
from vision_grpc.api.api import Api, RequestTemplate
from vision_grpc.gateway.callers import Caller
from vision_grpc.results import ImageResult
from vision_grpc.session.methods import Methods
from vision_grpc.session.recorder import Recorder
from vision_grpc.session.stop import Stop
from vision_grpc.session.templates import Templates
from vision_grpc.sources.image import Image
from vision_grpc.stream.effects import Fetch, Send
from vision_grpc.stream.plan import Plan

if TYPE_CHECKING:
    from vision_grpc.api.ocr_requests import IdTemplate, OcrTemplate


class CallersClient(AsyncVisionClient):
    """A client of ocr/v1. It makes no calls itself: `acting_for` does."""

    _caller: Caller | None = None

    @property
    def address(self) -> str:
        """The service that is called: `host:port`."""
        return self._settings.first_endpoint.target

    @property
    def is_on_this_machine(self) -> bool:
        """Whether the service is on this machine, as when callers are tested."""
        return self._settings.first_endpoint.is_loopback

    def acting_for(self, caller: Caller) -> "CallersClient":
        """Return the client of a caller, which shares all but the credentials with this one; it needs no close."""
        self._connection()
        own = copy(self)
        own.become(caller)
        return own

    def become(self, caller: Caller) -> None:
        """Make the calls of this client those of a caller."""
        self._settings = replace(self._settings, credentials=caller.credentials)
        self._caller = caller

    @property
    def sends_nothing(self) -> bool:
        """Whether it has a tape whose mode is none."""
        return self._sends_nothing

    @property
    def has_tape(self) -> bool:
        """Whether answers are kept."""
        return self._tape_in_use is not None

    def recorder(self, until: float) -> Recorder:
        """Return what looks images up on the tape, which there must be, and records what `read` returns of them."""
        plan = self._plan(timeout=until - time.monotonic())
        return cast("Recorder", super()._recorder(plan, self._templates(("*",), None), copy_context()))

    async def read(
        self,
        image: Image,
        languages: Sequence[str],
        model: str,
        timeout_s: float,
        *,
        deferred: bool = False,
        stop: Stop | None = None,
    ) -> ImageResult | None:
        """Return what came of a call within some seconds. What is wrong with its answer is found when that is read.

        With `deferred` it is an operation, which the service carries out whether or not its result is fetched. None
        is returned where `stop` was asked for before it was sent.

        Raises:
            InvalidRequestError: languages or model break the contract.
            AuthError: there is no authorization, or not one that the service takes.
        """
        templates = self._templates(languages, model)
        stream = self._stream(
            [image], templates, self._plan(timeout=timeout_s, deferred=deferred), copy_context(), stop
        )
        return next(iter([each async for each in stream]), None)

    def _recorder(self, plan: Plan, templates: Templates, context: Context) -> None:
        """Return None: images have been looked up before their turns came."""

    def _methods(self, templates: Templates, plan: Plan) -> Methods:
        headers = () if self._caller is None else self._caller.headers
        return _CallersMethods(self._api, templates, deferred=plan.deferred, headers=headers)


class _CallersMethods(Methods):
    """The methods of a stream, with headers of its caller in each request."""

    def __init__(self, api: Api, templates: Templates, *, deferred: bool, headers: Sequence[tuple[str, str]]) -> None:
        super().__init__(api, templates, deferred=deferred)
        self._headers = headers

    def template_of(self, effect: Send | Fetch) -> RequestTemplate:
        """Return the template of a request; see `Methods`."""
        return replace(cast("OcrTemplate | IdTemplate", super().template_of(effect)), headers=self._headers)
