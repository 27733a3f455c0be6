"""A client whose calls are made as somebody else each, over one connection and within one quota."""

from collections.abc import Sequence
from contextvars import copy_context
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from vision_grpc.aio import AsyncVisionClient
from vision_grpc.api.api import RequestTemplate
from vision_grpc.gateway.callers import Caller
from vision_grpc.results import ImageResult
from vision_grpc.sources.image import Image

if TYPE_CHECKING:
    from vision_grpc.api.ocr_v1 import OcrTemplate

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

    async def read(self, content: bytes, languages: Sequence[str], model: str, timeout_s: float) -> ImageResult:
        """Return what came of a call within some seconds. What is wrong with its answer is found when that is read.

        Raises:
            InvalidRequestError: languages or model break the contract.
            AuthError: there is no authorization, or not one that the service takes.
        """
        templates = self._templates(languages, model)
        stream = self._stream([Image(_KEY, content)], templates, self._plan(timeout=timeout_s), copy_context())
        [result] = [each async for each in stream]
        return result

    def _template(self, languages: Sequence[str], model: str) -> RequestTemplate:
        template = super()._template(languages, model)
        return (
            template if self._caller is None else replace(cast("OcrTemplate", template), headers=self._caller.headers)
        )
