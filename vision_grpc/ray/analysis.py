"""`analyze`: a data set of images in, a data set of results out."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from vision_grpc.arrow import Detail, OnError
from vision_grpc.arrow.analysis.analysis import Analysis
from vision_grpc.arrow.analysis.engine import Job
from vision_grpc.arrow.untyped import pa
from vision_grpc.ray.actor import VisionActor
from vision_grpc.ray.answers import Answers
from vision_grpc.texts.arguments import check_count, check_number, wrong_type

if TYPE_CHECKING:
    from typing import Unpack

    from vision_grpc.api.api import Model
    from vision_grpc.session.client_settings import ClientSettings

# Its types are not complete.
_data: Any = import_module("ray.data")
_cloudpickle: Any = import_module("ray.cloudpickle")


def analyze(
    dataset: Any,  # noqa: ANN401 - Ray's types are not complete
    *,
    image: str = "image",
    key: str = "key",
    keep: Sequence[str] = (),
    languages: Sequence[str] = ("*",),
    model: "Model | None" = None,
    detail: Detail = "text",
    on_error: OnError = "row",
    batch_size: int = 64,
    compute: Any = None,  # noqa: ANN401
    num_cpus: float | None = None,
    runtime_env: Mapping[str, Any] | None = None,
    **settings: "Unpack[ClientSettings]",
) -> Any:  # noqa: ANN401
    """Return a `ray.data.Dataset` with a row of results for each row of images; it is read when it is consumed.

    Columns, rows and errors are those of `vision_grpc.arrow.analyze_batches`. The schema of the data set is checked
    now, for which Ray may read its first block.

    `compute` is a `ray.data.ActorPoolStrategy`, by default one actor. Each has one client, made in its process, and
    reads four batches of `batch_size` at the same time. `num_cpus` and `runtime_env` are those of `map_batches`. When
    an actor dies, each row is in the data set once, and those four batches alone are read, and billed, again: one more
    actor, made now, keeps what was answered. With `cache`, the tape does that.

    `settings` are those of an AsyncVisionClient. What they leave out is found in the environment of each actor: secrets
    belong there, as credentials with a secret cannot be pickled. The API is chosen now, for all actors.

    Raises:
        TypeError: an argument or a column is of the wrong type; nothing was sent.
        ValueError: there is no such column; an argument has no meaning.
        InvalidRequestError: languages or model break the contract.
    """
    if not isinstance(dataset, _data.Dataset):
        raise wrong_type(dataset, "dataset", "a ray.data.Dataset")
    if compute is not None and not isinstance(compute, _data.ActorPoolStrategy):
        raise wrong_type(compute, "compute", "a ray.data.ActorPoolStrategy, such as ActorPoolStrategy(size=2)")
    if num_cpus is not None:
        check_number("num_cpus", num_cpus, may_be_0=True)
    if runtime_env is not None and not isinstance(cast("object", runtime_env), Mapping):
        raise wrong_type(runtime_env, "runtime_env", "a dictionary, such as {'pip': ['vision-grpc[ray]']}")
    options: dict[str, Any] = {} if runtime_env is None else {"runtime_env": dict(runtime_env)}
    analysis = Analysis(image, key, keep, languages, model, detail, on_error)
    job = Job.of(analysis, settings, _cloudpickle.dumps)
    rows = check_count("batch_size", batch_size)
    _check_schema(analysis, dataset)
    # A tape has them all.
    answers = Answers(options) if settings.get("cache") is None else None
    return dataset.map_batches(
        VisionActor,
        fn_constructor_args=[job, answers],
        batch_format="pyarrow",
        batch_size=rows,
        compute=_data.ActorPoolStrategy(size=1) if compute is None else compute,
        num_cpus=num_cpus,
        udf_modifying_row_count=False,
        **options,
    )


def _check_schema(analysis: Analysis, dataset: Any) -> None:  # noqa: ANN401
    known = dataset.schema()
    if known is None:  # It has no row.
        return
    schema = known.base_schema
    if isinstance(schema, pa.Schema):
        analysis.columns(schema)
    # Of blocks of pandas, types are known when they become Arrow, in the actors.
