"""The error of a local service that cannot start."""

from vision_grpc.errors import Code, VisionError


class LocalServiceError(VisionError):
    """The local service cannot start here: the message says what is missing and what to do about it."""

    code = Code.FAILED_PRECONDITION
