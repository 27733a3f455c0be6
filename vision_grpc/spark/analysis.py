"""`analyze`: a data frame of images in, a data frame of results out."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from importlib import import_module
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from vision_grpc.arrow import Detail, OnError
from vision_grpc.arrow.analysis.analysis import Analysis
from vision_grpc.arrow.analysis.analyzed import AnalyzedBatches
from vision_grpc.arrow.analysis.engine import Job
from vision_grpc.arrow.untyped import pa
from vision_grpc.texts.arguments import wrong_type
from vision_grpc.texts.quoting import shorten, show

if TYPE_CHECKING:
    from typing import Unpack

    from vision_grpc.api.api import Model
    from vision_grpc.session.client_settings import ClientSettings

_cloudpickle: Any = import_module("pyspark.cloudpickle")
_functions: Any = import_module("pyspark.sql.functions")
_types: Any = import_module("pyspark.sql.types")
_arrow_types: Any = import_module("pyspark.sql.pandas.types")
_errors: Any = import_module("pyspark.errors")


def analyze(
    dataframe: Any,  # noqa: ANN401 - pyspark may be of Spark Connect
    *,
    image: str = "image",
    key: str = "key",
    keep: Sequence[str] = (),
    languages: Sequence[str] = ("*",),
    model: "Model | None" = None,
    detail: Detail = "text",
    on_error: OnError = "row",
    **settings: "Unpack[ClientSettings]",
) -> Any:  # noqa: ANN401
    """Return a `pyspark.sql.DataFrame` with a row of results for each row of images; it is read by an action.

    Columns, rows and errors are those of `vision_grpc.arrow.analyze_batches`; the key and what is kept have the types
    that Spark knows them by. All types are checked now, those of the results against Spark's.

    Each partition has a client of its own while it is read. When a task fails, Spark reads its partition once more, and
    each row is in the data frame once. What was answered before is kept in Spark's folder on that machine, so that a
    killed process of Python is billed twice for its calls under way alone; without that folder, as on another machine,
    for the whole partition. With `cache`, the tape does that. Each action on a data frame that is not cached reads, and
    is billed for, all images.

    `settings` are those of an AsyncVisionClient. What they leave out is found in the environment of each executor:
    secrets belong there, as credentials with a secret cannot be pickled. The API is chosen now, for all executors.

    Raises:
        TypeError: an argument or a column is of the wrong type; nothing was sent.
        ValueError: there is no such column; an argument has no meaning.
        InvalidRequestError: languages or model break the contract.
    """
    if not callable(getattr(dataframe, "mapInArrow", None)):
        raise wrong_type(dataframe, "dataframe", "a pyspark.sql.DataFrame")
    analysis = Analysis(image, key, keep, languages, model, detail, on_error)
    job = Job.of(analysis, settings, _cloudpickle.dumps)
    columns = analysis.columns(_arrow_schema(analysis, dataframe.schema))
    kept = len(columns.kept)
    results = _arrow_types.from_arrow_schema(pa.schema([*columns.output][kept:]))
    output = _types.StructType([*(dataframe.schema[name] for name in columns.kept), *results.fields])
    # mapInArrow looks for the parts of names that have a dot.
    numbered = [
        _functions.col("`" + name.replace("`", "``") + "`").alias(str(number))
        for number, name in enumerate(analysis.read)
    ]
    # A tape has all answers.
    name = token_hex() if settings.get("cache") is None else None
    return dataframe.select(*numbered).mapInArrow(_reader(job, name), output)


def _arrow_schema(analysis: Analysis, schema: Any) -> Any:  # noqa: ANN401
    """Return a pyarrow Schema with the types of the columns that are needed; others may have one that Arrow lacks."""
    types = ((field.name, _arrow_type(field) if field.name in analysis.read else pa.null()) for field in schema.fields)
    return pa.schema(list(types))


def _arrow_type(field: Any) -> Any:  # noqa: ANN401
    try:
        return _arrow_types.to_arrow_type(field.dataType)
    except _errors.PySparkTypeError as error:
        kind = shorten(field.dataType.simpleString())
        message = f"the column {show(field.name)} is of type {kind}, which Spark does not hand over in Arrow"
        raise TypeError(message) from error


def _reader(job: Job, name: str | None) -> Callable[[Iterator[Any]], Iterator[Any]]:
    """Return the function that reads the batches of a partition, in an executor.

    By the name of the job, a task finds what its earlier attempts were answered.
    """

    def read(batches: Iterator[Any]) -> Iterator[Any]:
        from vision_grpc.aio import AsyncVisionClient
        from vision_grpc.spark.task import kept_answers

        client, names = AsyncVisionClient(**job.settings), job.analysis.read
        named = (batch.rename_columns(names) for batch in batches)
        with nullcontext() if name is None else kept_answers(name, job.analysis.detail) as kept:
            yield from AnalyzedBatches(job.analysis, named, client, job.limits, kept)

    return read
