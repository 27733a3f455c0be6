"""Why a tape cannot be used."""

from vision_grpc.errors import Code, VisionError


class TapeError(VisionError):
    """Answers cannot be read from a tape, or recorded on it; the message names the place and what to do."""

    code = Code.FAILED_PRECONDITION
