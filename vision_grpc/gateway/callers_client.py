"""A client whose calls are made as somebody else each, over one connection and within one quota."""

from collections.abc import Sequence
from contextvars import copy_context
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from vision_grpc.aio import AsyncVisionClient
from vision_grpc.api.api import Api, RequestTemplate
from vision_grpc.gateway.callers import Caller
from vision_grpc.results import ImageResult
from vision_grpc.session.methods import Methods
from vision_grpc.session.templates import Templates
from vision_grpc.sources.image import Image
from vision_grpc.stream.effects import Fetch, Send
from vision_grpc.stream.plan import Plan

if TYPE_CHECKING:
    from vision_grpc.api.ocr_requests import IdTemplate, OcrTemplate

_KEY = "the file"


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

    async def read(
        self, content: bytes, languages: Sequence[str], model: str, timeout_s: float, *, deferred: bool = False
    ) -> ImageResult:
        """Return what came of a call within some seconds. What is wrong with its answer is found when that is read.

        With `deferred` it is an operation, which the service carries out whether or not its result is fetched.

        Raises:
            InvalidRequestError: languages or model break the contract.
            AuthError: there is no authorization, or not one that the service takes.
        """
        templates = self._templates(languages, model)
        stream = self._stream(
            [Image(_KEY, content)], templates, self._plan(timeout=timeout_s, deferred=deferred), copy_context()
        )
        [result] = [each async for each in stream]
        return result

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
