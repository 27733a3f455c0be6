import copy
import pickle

import pytest

from vision_grpc.auth.refresh import TransientAuthError
from vision_grpc.errors import (
    USE_TLS,
    Advice,
    AuthError,
    Code,
    DeadlineError,
    InvalidRequestError,
    MalformedAnswerError,
    PathError,
    ProtocolError,
    RequestTooLargeError,
    ReroutedError,
    ServiceError,
    SettingError,
    TransportError,
    Violation,
    VisionError,
    advice_text,
)
from vision_grpc.messages import Any, RequestInfo
from vision_grpc.tape import TapeError


def _detail() -> Any:
    detail = Any()
    detail.Pack(RequestInfo(request_id="r"))
    return detail


_ADVICE = (USE_TLS, Advice("pass", "credentials", variables=("A", "B")), Advice("set the clock"))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "error",
    [
        SettingError("malformed", advice=_ADVICE),
        InvalidRequestError([Violation("folder_id", "is wrong")]),
        AuthError("no credentials", advice=_ADVICE),
        TransientAuthError("not now", advice=_ADVICE),
        TransportError("not reached", advice=_ADVICE),
        DeadlineError("late"),
        PathError("not trusted", lasting=True, advice=_ADVICE),
        ReroutedError("no HTTP/2", lasting=True),
        ServiceError(Code.UNAVAILABLE, "down", details=[_detail()], request_id="r", retry_after_s=1, transport="rest"),
        RequestTooLargeError(Code.RESOURCE_EXHAUSTED, "too large", request_id="r"),
        ProtocolError("garbage"),
        MalformedAnswerError("not HTTP", advice=_ADVICE),
        TapeError("the disk is full", advice=_ADVICE),
    ],
    ids=lambda error: type(error).__name__,
)
def test_every_error_survives_pickling(error: VisionError | SettingError, protocol: int) -> None:
    error.add_note("without a result: a.png")
    if isinstance(error, VisionError):
        error.fallback_reason = "no HTTP/2"
    for clone in (pickle.loads(pickle.dumps(error, protocol)), copy.copy(error)):  # noqa: S301 - our own bytes
        assert type(clone) is type(error)
        assert (str(clone), repr(clone), vars(clone)) == (str(error), repr(error), vars(error))


def test_advice_follows_the_problem_in_words_of_the_arguments() -> None:
    expected = "it failed; drop insecure=True or http://, or pass credentials or set one of A, B, or set the clock"
    assert str(TransportError("it failed", advice=_ADVICE)) == expected
    assert TransportError("it failed", advice=_ADVICE).problem == "it failed"


def test_advice_on_a_setting_without_a_name_is_the_variables_or_nothing() -> None:
    assert advice_text(_ADVICE, lambda *_: None) == "set one of A, B, or set the clock"


def test_an_error_about_another_error_keeps_its_advice() -> None:
    error = AuthError.about("YC_TOKEN", SettingError("it is malformed", advice=[USE_TLS]))
    assert (error.problem, error.advice) == ("YC_TOKEN: it is malformed", (USE_TLS,))
    assert str(AuthError.about("YC_TOKEN", ValueError("it is empty"))) == "YC_TOKEN: it is empty"


def test_an_error_says_which_wait_the_service_asks_for() -> None:
    error = ServiceError(Code.UNAVAILABLE, "busy", retry_after_s=9_999_999_999.0, request_id="r")
    assert str(error) == "UNAVAILABLE: busy, to be sent again after 9999999999 s (request id r)"


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
