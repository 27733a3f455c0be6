"""What the service answers for a file that it has accepted, and reads later: an operation."""

from vision_grpc.errors import ProtocolError
from vision_grpc.messages import AnalyzeResult, Operation
from vision_grpc.results.outcomes import error_of
from vision_grpc.results.result import ImageError


class OperationOutcome:
    """An outcome without a text: the operation that will have it."""

    __slots__ = ("operation",)

    def __init__(self, operation: Operation) -> None:
        self.operation = operation

    def error(self) -> ImageError | None:
        """Return the error that the operation has ended with.

        Raises:
            ProtocolError: it has no id.
        """
        if not self.operation.id:
            message = "the answer is an Operation without an id"
            raise ProtocolError(message)
        return error_of(self.message())

    def message(self) -> AnalyzeResult:
        """Return an answer that has nothing but the error, if any."""
        return AnalyzeResult(error=self.operation.error) if self.operation.HasField("error") else AnalyzeResult()

    def text(self) -> str:
        """Return no text."""
        return ""

    def wire(self) -> bytes:
        """Return what `message` does, in wire format."""
        return self.message().SerializeToString()
