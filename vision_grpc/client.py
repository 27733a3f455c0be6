"""The client for threads."""

import os
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Self

from vision_grpc.auth import Credentials
from vision_grpc.config import Limits, Timeouts
from vision_grpc.core.batching import Batcher
from vision_grpc.core.image_header import check_image
from vision_grpc.core.requests import build_request, check_shared_fields, text_feature
from vision_grpc.core.rules import validate
from vision_grpc.errors import Code, ProtocolError, ServiceError, TransportError
from vision_grpc.messages import BatchAnalyzeRequest, BatchAnalyzeResponse, Feature
from vision_grpc.results import ImageError, ImageResult
from vision_grpc.settings import Settings, TransportChoice
from vision_grpc.sources import Image, ImageSource, key_of, read_content
from vision_grpc.transport.connect import connect

_DETECT_LANGUAGES = ("*",)


class VisionClient:
    """A connection to the Vision service, usable from several threads.

    Everything may be left out: the endpoint comes from `VISION_GRPC_ENDPOINT` (else it is the
    public service), the transport from `VISION_GRPC_TRANSPORT`, credentials from `YC_API_KEY` or
    `YC_IAM_TOKEN`, the folder from `YC_FOLDER_ID`. Nothing is connected before the first call.

    Raises:
        ValueError: an argument is malformed, or a secret would travel in plaintext.
        AuthError: there are no credentials.
    """

    def __init__(
        self,
        endpoint: str | None = None,
        *,
        transport: TransportChoice | None = None,
        credentials: Credentials | None = None,
        folder_id: str | None = None,
        root_certificates: bytes | str | os.PathLike[str] | None = None,
        insecure: bool = False,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen
    ) -> None:
        settings = Settings.resolve(
            os.environ,
            endpoint=endpoint,
            transport=transport,
            credentials=credentials,
            folder_id=folder_id,
            root_certificates=root_certificates,
            insecure=insecure,
        )
        self._folder_id = settings.folder_id
        self._limits = limits
        self._timeouts = timeouts
        self._transport = connect(settings.transport, settings.endpoint, settings.credentials, settings.roots)

    def analyze(
        self,
        image: ImageSource,
        *,
        languages: Sequence[str] = _DETECT_LANGUAGES,
        model: str = "",
        timeout: float | None = None,
    ) -> ImageResult:
        """Return the text of one image: a path, the bytes of a file, or an `Image`.

        `languages` are ISO 639-1 codes, or `*` alone to detect them; `model` is `page` (the
        default) or `line`; `timeout` is in seconds. An image that cannot be read, here or by
        the service, is a result with an `error`.

        Raises:
            InvalidRequestError: languages, model or folder break the contract; nothing was sent.
            AuthError: no usable token could be obtained.
            TransportError: the service was not reached; DeadlineError: not in time.
            ServiceError: the service refused the call, for its credentials or quota for example.
            ProtocolError: the answer breaks the contract.
        """
        feature = text_feature(languages, model)
        check_shared_fields(feature, self._folder_id)
        prepared = self._prepare(image, 0)
        if isinstance(prepared, ImageResult):
            return prepared
        return self._send([prepared], feature, timeout)[0]

    def analyze_many(
        self, images: Iterable[ImageSource], *, languages: Sequence[str] = _DETECT_LANGUAGES, model: str = ""
    ) -> Iterator[ImageResult]:
        """Return an iterator over one result per image, in the order they finish.

        Images are pulled, up to eight at a time, as results are read. An image that cannot be
        read, and each image of a call that fails, is a result with an `error`; the stream goes on.

        Raises:
            InvalidRequestError: at once, when languages, model or folder break the contract.
            AuthError: while reading, when no usable token could be obtained.
        """
        feature = text_feature(languages, model)
        check_shared_fields(feature, self._folder_id)
        return self._stream(images, feature)

    def batch_analyze(self, request: BatchAnalyzeRequest, *, timeout: float | None = None) -> BatchAnalyzeResponse:
        """Return the service's answer to a request of your own making: the bare call.

        The request is checked against the constraints in the protos and sent as it is.

        Raises:
            InvalidRequestError: it breaks the contract; nothing was sent.
            AuthError, TransportError, ServiceError, ProtocolError: as `analyze`.
        """
        validate(request)
        return self._transport.call(request, timeout_s=self._timeout_s(timeout)).response

    def close(self) -> None:
        """End the connection; calls under way fail. Closing again does nothing."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _stream(self, images: Iterable[ImageSource], feature: Feature) -> Iterator[ImageResult]:
        batcher: Batcher[Image] = Batcher()
        for position, source in enumerate(images):
            prepared = self._prepare(source, position)
            if isinstance(prepared, ImageResult):
                yield prepared
            elif batch := batcher.add(prepared):
                yield from self._send_or_fail(batch, feature)
        if batch := batcher.flush():
            yield from self._send_or_fail(batch, feature)

    def _prepare(self, source: ImageSource, position: int) -> Image | ImageResult:
        """Return an image that is fit to be sent, or the result of one that is not."""
        key = key_of(source, position)
        content = read_content(source, self._limits)
        if isinstance(content, ImageError):
            return ImageResult(key, error=content)
        if (fault := check_image(content, self._limits)) is not None:
            return ImageResult(key, error=ImageError(Code.INVALID_ARGUMENT, f"{key}: {fault}"))
        return Image(key, content)

    def _send_or_fail(self, batch: Sequence[Image], feature: Feature) -> list[ImageResult]:
        try:
            return self._send(batch, feature, None)
        except (TransportError, ServiceError, ProtocolError) as failure:
            error = ImageError(failure.code, str(failure), getattr(failure, "details", ()))
            return [ImageResult(image.key, error=error, attempts=1, transport=self._transport.name) for image in batch]

    def _send(self, batch: Sequence[Image], feature: Feature, timeout: float | None) -> list[ImageResult]:
        request = build_request((image.content for image in batch), feature, self._folder_id)
        answer = self._transport.call(request, timeout_s=self._timeout_s(timeout))
        return [
            ImageResult.from_answer(
                image.key, result, attempts=1, transport=self._transport.name, request_id=answer.request_id
            )
            for image, result in zip(batch, answer.response.results, strict=True)
        ]

    def _timeout_s(self, timeout: float | None) -> float:
        return self._timeouts.call_s if timeout is None else timeout
