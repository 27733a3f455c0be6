"""`analyze_batches`: the function that programs call."""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

from vision_grpc.arrow.analysis.analysis import Analysis, OnError
from vision_grpc.arrow.schema import Detail
from vision_grpc.arrow.untyped import pa
from vision_grpc.config import Limits
from vision_grpc.texts.arguments import wrong_type

if TYPE_CHECKING:
    from typing import Unpack

    from vision_grpc.aio import AsyncVisionClient
    from vision_grpc.api.api import Model
    from vision_grpc.arrow.analysis.kept_answers import KeptAnswers
    from vision_grpc.session.client_settings import ClientSettings

_BATCHES = "pyarrow record batches: an iterable of them, a Table or a RecordBatchReader"


def analyze_batches(
    batches: Any,  # noqa: ANN401 - pyarrow has no types
    *,
    image: str = "image",
    key: str = "key",
    keep: Sequence[str] = (),
    languages: Sequence[str] = ("*",),
    model: "Model | None" = None,
    detail: Detail = "text",
    on_error: OnError = "row",
    **settings: "Unpack[ClientSettings]",
) -> "AnalyzedBatches":
    """Return an iterator of pyarrow record batches with a row of results for each row of images.

        for batch in analyze_batches(parquet.iter_batches(64), key="path", languages=["ru", "en"]):
            writer.write_batch(batch)

    `batches` are an iterable of record batches, a Table, a RecordBatchReader, or what hands its columns over as one.
    The column `image` holds files (binary), paths and URLs of stores (text), or structs with `bytes` and `path`, of
    which the path counts where there are no bytes. The column `key` comes out as it came, whether or not its values are
    unique, and so do those that `keep` names; the other columns are those of `vision_grpc.arrow.schema`, without its
    `key` and `key_bytes`. Rows keep their order, and those of two batches never come in one; a batch comes in parts
    where its results have more than 6 MB. What is in memory is bounded by the limits of the client and the batches that
    are read at the same time.

    A null, an empty file, one over the limit, and whatever else fails is a row with an error; with `on_error="raise"`
    it ends the iteration, after the rows before it. `settings` are those of an AsyncVisionClient, which is made now and
    closed at the end. In a coroutine, iterate with `async for`; elsewhere with `for`. Both are possible once.

    Raises:
        TypeError: an argument or a column is of the wrong type: at once where the schema is known before the first
            batch is read, else while iterating, in any case before an image of that batch is sent.
        ValueError: there is no such column; an argument has no meaning.
        InvalidRequestError: languages or model break the contract.
        AuthError: there are no credentials; while iterating, no usable token could be obtained.
        ImageFailedError: while iterating, an image failed, with `on_error="raise"`.
    """
    from vision_grpc.aio import AsyncVisionClient
    from vision_grpc.session.settings import find_api

    analysis = Analysis(image, key, keep, languages, model, detail, on_error)
    given, schema = _open(batches)
    if schema is not None:
        analysis.columns(schema)
    client = AsyncVisionClient(**settings)
    api = find_api(settings.get("api"), os.environ)
    analysis.check(api, settings.get("folder_id"))
    return AnalyzedBatches(analysis, given, client, api.limits(settings.get("limits", Limits())))


class AnalyzedBatches:
    """An iterator of pyarrow record batches, with `for` or with `async for`."""

    def __init__(
        self,
        analysis: Analysis,
        batches: Iterable[Any],
        client: "AsyncVisionClient",
        limits: Limits,
        kept: "KeptAnswers | None" = None,
    ) -> None:
        self._analysis = analysis
        self._batches = batches
        self._client = client
        self._limits = limits
        self._kept = kept

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._stream()

    def __iter__(self) -> Iterator[Any]:
        """Run an event loop in this thread, while a batch is waited for."""
        if asyncio._get_running_loop() is not None:  # noqa: SLF001 - documented, and does not raise
            message = "an event loop is running in this thread: iterate with `async for batch in analyze_batches(...)`"
            raise RuntimeError(message)
        return self._driven()

    def _driven(self) -> Iterator[Any]:
        with asyncio.Runner() as runner:
            stream = self._stream()
            try:
                while (batch := runner.run(_next(stream))) is not None:
                    yield batch
            finally:
                runner.run(stream.aclose())

    async def _stream(self) -> AsyncGenerator[Any, None]:
        stream = self._analysis.stream(self._batches, self._client, self._limits, self._kept)
        async with self._client, aclosing(stream):
            async for batch in stream:
                yield batch


async def _next(stream: AsyncGenerator[Any, None]) -> Any:  # noqa: ANN401
    return await anext(stream, None)


def _open(batches: Any) -> tuple[Iterable[Any], Any]:  # noqa: ANN401
    """Return an iterable of record batches, and their schema where it is known before them."""
    if isinstance(batches, pa.RecordBatch):
        return [batches], batches.schema
    if hasattr(batches, "__arrow_c_stream__") and not isinstance(batches, type):
        reader = batches if isinstance(batches, pa.RecordBatchReader) else pa.RecordBatchReader.from_stream(batches)
        return reader, reader.schema
    return _each(_iterable(batches)), None


def _iterable(batches: object) -> Iterable[object]:
    given = batches
    if isinstance(batches, str | bytes | Mapping | type) or not isinstance(batches, Iterable):
        raise wrong_type(given, "batches", _BATCHES)
    return cast("Iterable[object]", batches)


def _each(batches: Iterable[Any]) -> Iterator[Any]:
    for number, batch in enumerate(batches):
        if isinstance(batch, pa.RecordBatch):
            yield batch
        elif isinstance(batch, pa.Table):
            yield from batch.to_batches()
        else:
            message = f"batch {number} is of type {type(batch).__name__}: {_BATCHES} are needed"
            raise TypeError(message)
