"""What keeps the local service from starting."""

from vision_grpc.errors import VisionError


class LocalServiceError(VisionError):
    """The local service cannot start here: the message says what is missing and how to mend it."""
