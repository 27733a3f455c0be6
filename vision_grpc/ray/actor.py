"""The actor: one client, made where it is used."""

from typing import Any

from vision_grpc.aio import AsyncVisionClient
from vision_grpc.arrow.analysis.engine import Job
from vision_grpc.arrow.untyped import pa


class VisionActor:
    """Reads batches of images, several at the same time in one event loop."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._client: AsyncVisionClient | None = None

    async def __call__(self, table: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
        """Return the table of results of a table of images."""
        analysis = self._job.analysis
        columns = analysis.columns(table.schema)
        # Not in the constructor: Ray would make the actor again and again where there are no credentials.
        if self._client is None:
            self._client = AsyncVisionClient(**self._job.settings)
        found = [batch async for batch in analysis.stream(table.to_batches(), self._client, self._job.limits)]
        return pa.Table.from_batches(found, columns.output)
