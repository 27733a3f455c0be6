"""The tape: answers that were got before, found again by what was sent for them."""

from vision_grpc.tape.digest import digest
from vision_grpc.tape.errors import TapeError
from vision_grpc.tape.recording import Recording
from vision_grpc.tape.tape import Tape

__all__ = ["Recording", "Tape", "TapeError", "digest"]
