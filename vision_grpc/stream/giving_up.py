"""What the images of a call get that failed and is not sent again."""

from collections.abc import Iterator
from dataclasses import replace

from vision_grpc.contract.foreign import is_pdf
from vision_grpc.errors import Advice, Code, ServiceError, VisionError
from vision_grpc.results import ImageError, ImageResult
from vision_grpc.stream.batch import Batch, Entry

# A call that waits for its answer reads one page.
_OPERATIONS = (Advice("a PDF of several pages is read with", "deferred", "True"),)


def failed_results(
    batch: Batch, error: VisionError, why: str = "", *, may_be_deferred: bool = False
) -> Iterator[tuple[Entry, ImageResult]]:
    """Yield each image of a batch with its result, the error that ended its last call.

    `why` is added to the message: why there is no further attempt, where the error alone does not say so.
    With `may_be_deferred`, an operation may read what this call did not.
    """
    answered = error if isinstance(error, ServiceError) else None
    message, details = (str(error), ()) if answered is None else (answered.message, answered.details)
    advice = _OPERATIONS if may_be_deferred and _is_refused_pdf(batch, error) else ()
    advised = ImageError.advised(error.code, f"{message}{why}", advice)
    image_error = replace(advised, details=details, cause=error)
    if advice:
        error.advice = advice
    for entry in batch.entries:
        _, key, _ = entry
        result = ImageResult(key, error=image_error, attempts=batch.history.attempts)
        result.fallback_reason = error.fallback_reason
        if answered is not None:
            result.transport, result.request_id = answered.transport, answered.request_id
        yield entry, result


def _is_refused_pdf(batch: Batch, error: VisionError) -> bool:
    return isinstance(error, ServiceError) and error.code is Code.INVALID_ARGUMENT and any(map(is_pdf, batch.contents))
