"""The actor: one client, made where it is used."""

from typing import Any

from vision_grpc.aio import AsyncVisionClient
from vision_grpc.arrow.analysis.engine import Job
from vision_grpc.arrow.untyped import pa
from vision_grpc.ray.answers import Answers


class VisionActor:
    """Reads batches of images, several at the same time in one event loop.

    Without `answers`, as a tape has them, all that it was reading is read again after its death.
    """

    def __init__(self, job: Job, answers: Answers | None) -> None:
        self._job = job
        self._answers = answers
        self._client: AsyncVisionClient | None = None

    async def __call__(self, table: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
        """Return the table of results of a table of images."""
        columns = self._job.analysis.columns(table.schema)
        if self._answers is None:
            return await self._read(table, columns.output)
        name = self._answers.name_of(table.select(self._job.analysis.read))
        results = await self._answers.find(name)
        if results is None:
            results = await self._read(table, columns.output)
            await self._answers.record(name, results)
        return results

    async def _read(self, table: Any, schema: Any) -> Any:  # noqa: ANN401
        # Not in the constructor: Ray would make the actor again and again where there are no credentials.
        if self._client is None:
            self._client = AsyncVisionClient(**self._job.settings)
        stream = self._job.analysis.stream(table.to_batches(), self._client, self._job.limits)
        return pa.Table.from_batches([batch async for batch in stream], schema)
