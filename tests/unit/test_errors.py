import pickle

import pytest

from vision_grpc.errors import (
    AuthError,
    Code,
    DeadlineError,
    InvalidRequestError,
    ProtocolError,
    ServiceError,
    TransportError,
    Violation,
    VisionError,
)
from vision_grpc.messages import Any, RequestInfo


def _detail() -> Any:
    detail = Any()
    detail.Pack(RequestInfo(request_id="r"))
    return detail


@pytest.mark.parametrize(
    "error",
    [
        InvalidRequestError([Violation("folder_id", "is wrong")]),
        AuthError("no credentials"),
        TransportError("not reached"),
        DeadlineError("late"),
        ServiceError(Code.UNAVAILABLE, "down", details=[_detail()], request_id="r"),
        ProtocolError("garbage"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_every_error_survives_pickling(error: VisionError) -> None:
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)
    assert isinstance(copy.code, Code)


def test_codes_and_http_statuses_agree_both_ways() -> None:
    assert all(100 <= code.http_status < 600 for code in Code)
    # A status stands for one code; the codes that share it come back as that one.
    errors = [code for code in Code if code is not Code.OK]
    assert all(Code.from_http(code.http_status).http_status == code.http_status for code in errors)
    assert Code.from_http(502) is Code.UNAVAILABLE
    assert Code.from_http(418) is Code.FAILED_PRECONDITION
    assert Code.from_http(599) is Code.INTERNAL
    assert Code.from_http(302) is Code.UNKNOWN
    # Asked for the code of an error: a good status tells nothing of it.
    assert Code.from_http(200) is Code.UNKNOWN


def test_numbers_beyond_the_enum_are_unknown() -> None:
    assert Code.from_number(8) is Code.RESOURCE_EXHAUSTED
    assert Code.from_number(99) is Code.UNKNOWN
    assert Code.from_number(-1) is Code.UNKNOWN
