"""Why a tape cannot be used."""

from vision_grpc.errors import Advice, Code, VisionError
from vision_grpc.texts.quoting import quote_name

NOT_A_TAPE = "there is no tape at {}"
OTHER_FILES = "{} is not a tape, and has other files in it"


LOCAL_SERVICE = "local"
"""Any service on this machine: its port says nothing."""

OWN_TRANSPORT = "own-transport"
"""What a transport of the caller's own leads to, which is not known."""

_SERVICES = {LOCAL_SERVICE: "a service on this machine", OWN_TRANSPORT: "a transport of your own"}


class TapeError(VisionError):
    """Answers cannot be read from a tape, or recorded on it; the message names the place and what to do."""

    code = Code.FAILED_PRECONDITION


class OtherServiceError(TapeError):
    """The tape has answers of another service: those would be taken for answers of this one, or mixed with them."""


def check_service(place: str, marker: str, recorded: str | None, asked: str | None) -> None:
    """Raise OtherServiceError if a tape has answers of another service than the one that is asked.

    `marker` is where the first of them is named. Where one of them is not known, they may be the same.
    """
    if recorded is None or asked is None or recorded == asked:
        return
    recorded, asked = (_SERVICES.get(service, service) for service in (recorded, asked))
    advice = (
        "name another tape",
        "replay it with the mode none, which sends nothing",
        f"if both give the same answers, remove the last line of {quote_name(marker)}",
    )
    message = f"the tape {quote_name(place)} has answers of {recorded}, and this client asks {asked}"
    raise OtherServiceError(message, advice=[*map(Advice, advice)])
