"""Why a tape cannot be used."""

from vision_grpc.errors import Code, VisionError

NOT_A_TAPE = "there is no tape at {}"
OTHER_FILES = "{} is not a tape, and has other files in it"


class TapeError(VisionError):
    """Answers cannot be read from a tape, or recorded on it; the message names the place and what to do."""

    code = Code.FAILED_PRECONDITION
