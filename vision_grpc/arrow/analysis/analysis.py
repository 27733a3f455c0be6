"""What is done with each batch, whoever holds the client: the part that Ray, Spark and plain programs share."""

from collections import deque
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from vision_grpc.arrow.analysis.columns import Columns, find_columns
from vision_grpc.arrow.analysis.rows import images_of
from vision_grpc.arrow.batch import BatchBuilder
from vision_grpc.arrow.schema import Detail, schema
from vision_grpc.arrow.untyped import pa
from vision_grpc.config import Limits
from vision_grpc.sources.files import ImageSource
from vision_grpc.texts.arguments import check_choice, wrong_type

if TYPE_CHECKING:
    from vision_grpc.aio import AsyncVisionClient
    from vision_grpc.api.api import Api, Model
    from vision_grpc.arrow.analysis.kept_answers import KeptAnswers

OnError: TypeAlias = Literal["row", "raise"]
"""What an image that fails becomes: a row with its error, or an exception that ends the run."""

_ON_ERROR = ("row", "raise")
# Making a batch takes several times this.
_MOST_BYTES = 6_000_000


@dataclass(frozen=True, slots=True)
class Analysis:
    """Which columns are read, what is asked about their images, and what comes out. It can be pickled."""

    image: str
    key: str
    keep: Sequence[str]
    languages: Sequence[str]
    model: "Model | None"
    detail: Detail
    on_error: OnError

    def __post_init__(self) -> None:
        """Check the arguments; raises TypeError and ValueError."""
        for argument, name in (("image", self.image), ("key", self.key)):
            if not _is_name(name):
                raise wrong_type(name, argument, "the name of a column")
        if isinstance(self.keep, str) or not all(map(_is_name, self.keep)):
            raise wrong_type(self.keep, "keep", "a list of names of columns, such as ['page']")
        object.__setattr__(self, "keep", tuple(self.keep))
        schema(detail=self.detail)
        check_choice("on_error", self.on_error, _ON_ERROR)

    @property
    def read(self) -> list[str]:
        """The names of the columns that are needed, each once."""
        return [*dict.fromkeys([self.image, self.key, *self.keep])]

    def check(self, api: "Api", folder_id: str | None) -> None:
        """Check what is asked about the images.

        Raises:
            TypeError, InvalidRequestError: languages or model break the contract.
        """
        from vision_grpc.session.templates import Templates

        Templates(lambda languages, model: api.template(languages, model, folder_id or ""), self.languages, self.model)

    def columns(self, given: Any) -> Columns:  # noqa: ANN401 - pyarrow has no types
        """Return the columns of a pyarrow Schema; raises as `find_columns`."""
        return find_columns(given, image=self.image, key=self.key, keep=self.keep, detail=self.detail)

    async def stream(
        self,
        batches: Iterable[Any],
        client: "AsyncVisionClient",
        limits: Limits,
        kept: "KeptAnswers | None" = None,
    ) -> AsyncGenerator[Any, None]:
        """Yield record batches of results: a row for each row, in their order, and never of two batches in one.

        A batch comes out in parts where its results have more than 6 MB. After an exception the rows before it come
        first.
        """
        under_way: deque[_Kept] = deque()
        results = client.analyze_many(
            self._images(batches, under_way, limits, kept), languages=self.languages, model=self.model, ordered=True
        )
        builder = BatchBuilder(self.detail)
        async with aclosing(results):
            try:
                async for result in results:
                    if self.on_error == "raise":
                        result.raise_for_error()
                    builder.add(result)
                    if builder.rows == under_way[0].rows or builder.bytes >= _MOST_BYTES:
                        done, builder = builder, BatchBuilder(self.detail)
                        yield _join(under_way, done)
            except Exception:
                if builder.rows:
                    yield _join(under_way, builder)
                raise

    def _images(
        self, batches: Iterable[Any], under_way: "deque[_Kept]", limits: Limits, kept: "KeptAnswers | None"
    ) -> Iterator[ImageSource]:
        columns, known = None, None
        for batch in batches:
            if columns is None or batch.schema != known:
                columns, known = self.columns(batch.schema), batch.schema
            if batch.num_rows:
                under_way.append(_Kept(batch.select(columns.kept), columns.output))
                images = images_of(columns.form, batch.column(self.image), batch.column(self.key), limits)
                yield from images if kept is None else kept.recall(images, limits)


def _is_name(name: object) -> bool:
    return isinstance(name, str)


class _Kept:
    """The rows of a batch that have no result yet: what is carried over of them."""

    def __init__(self, batch: Any, output: Any) -> None:  # noqa: ANN401
        self._batch = batch
        self._output = output

    @property
    def rows(self) -> int:
        """How many there are."""
        rows: int = self._batch.num_rows
        return rows

    def join(self, results: Any) -> Any:  # noqa: ANN401
        """Return the first rows with their results, and let go of them."""
        kept = self._batch.slice(0, results.num_rows)
        self._batch = self._batch.slice(results.num_rows)
        found = [results.column(name) for name in self._output.names[kept.num_columns :]]
        return pa.RecordBatch.from_arrays([*kept.columns, *found], schema=self._output)


def _join(under_way: "deque[_Kept]", builder: BatchBuilder) -> Any:  # noqa: ANN401
    joined = under_way[0].join(builder.finish())
    if not under_way[0].rows:
        under_way.popleft()
    return joined
