"""What the images of a call get that failed and is not sent again."""

from collections.abc import Iterator

from vision_grpc.errors import ServiceError, VisionError
from vision_grpc.results import ImageError, ImageResult
from vision_grpc.stream.batch import Batch, Entry


def failed_results(batch: Batch, error: VisionError, why: str = "") -> Iterator[tuple[Entry, ImageResult]]:
    """Yield each image of a batch with its result, the error that ended its last call.

    `why` is added to the message: why there is no further attempt, where the error alone does not say so.
    """
    answered = error if isinstance(error, ServiceError) else None
    message, details = (str(error), ()) if answered is None else (answered.message, answered.details)
    image_error = ImageError(error.code, f"{message}{why}", details, error)
    for entry in batch.entries:
        _, key, _ = entry
        result = ImageResult(key, error=image_error, attempts=batch.history.attempts)
        result.fallback_reason = error.fallback_reason
        if answered is not None:
            result.transport, result.request_id = answered.transport, answered.request_id
        yield entry, result
