"""As whom the backend is called."""

import pickle

import pytest

from vision_grpc.auth import ApiKey
from vision_grpc.errors import AuthError, Code, InvalidRequestError, ServiceError
from vision_grpc.gateway.callers import AsTheGateway, AsThemselves, PassedOn

SECRET = "Api-Key AQVNverysecret"  # noqa: S105 - nobody has it


@pytest.mark.parametrize("authorization", [SECRET, "Bearer t1.abc", "bearer t1.abc"])
def test_the_authorization_of_a_caller_is_passed_on_as_it_came(authorization: str) -> None:
    caller = AsThemselves(may_be_nobody=False).caller({"authorization": authorization}, "b1g")
    assert caller.credentials.authorization() == authorization
    assert list(caller.headers) == [("x-folder-id", "b1g")]


@pytest.mark.parametrize(
    "authorization", [None, "", "Basic dTpw", "AQVNverysecret", "Bearer a\r\nx-admin: 1", "Bearer é"]
)
@pytest.mark.parametrize("may_be_nobody", [True, False])
def test_what_cannot_be_passed_on_is_refused(authorization: str | None, *, may_be_nobody: bool) -> None:
    metadata = {} if authorization is None else {"authorization": authorization}
    callers = AsThemselves(may_be_nobody=may_be_nobody)
    if authorization is None and may_be_nobody:
        assert callers.caller(metadata, "").credentials.authorization() is None
        return
    with pytest.raises(ServiceError) as refused:
        callers.caller(metadata, "")
    assert refused.value.code is Code.UNAUTHENTICATED
    assert "secret" not in str(refused.value).replace("with a secret", "")


def test_a_secret_that_is_refused_is_not_sent_again() -> None:
    with pytest.raises(AuthError):
        PassedOn(SECRET).authorization(refused=SECRET)


def test_secrets_are_neither_shown_nor_pickled() -> None:
    caller = AsThemselves(may_be_nobody=False).caller({"authorization": SECRET}, "")
    assert "verysecret" not in repr(caller)
    with pytest.raises(TypeError):
        pickle.dumps(caller.credentials)


def test_callers_say_what_becomes_of_their_data() -> None:
    metadata = {"authorization": SECRET, "x-data-logging-enabled": "false", "x-fault": "code=INTERNAL", "cookie": "a"}
    here, away = (AsThemselves(may_be_nobody=here).caller(metadata, "").headers for here in (True, False))
    assert dict(away) == {"x-data-logging-enabled": "false"}
    assert dict(here) == {"x-data-logging-enabled": "false", "x-fault": "code=INTERNAL"}


def test_with_its_own_credentials_all_callers_are_the_gateway() -> None:
    metadata = {"authorization": "Bearer t1.abc", "x-data-logging-enabled": "false"}
    caller = AsTheGateway(ApiKey("AQVNown")).caller(metadata, "b1g-of-somebody-else")
    assert caller.credentials.authorization() == "Api-Key AQVNown"
    assert list(caller.headers) == [("x-data-logging-enabled", "false")]


@pytest.mark.parametrize("folder_id", ["папка", "b1g\r\nx-admin: 1", "b1g\0", "\x7f", " b1g", "b1g "])
def test_a_folder_that_no_header_can_name_is_refused(folder_id: str) -> None:
    with pytest.raises(InvalidRequestError, match="folder_id"):
        AsThemselves(may_be_nobody=False).caller({"authorization": SECRET}, folder_id)


def test_headers_that_cannot_be_passed_on_are_left_out() -> None:
    metadata = {"authorization": SECRET, "x-client-trace-id": "é", "x-data-logging-enabled": "false"}
    assert dict(AsThemselves(may_be_nobody=False).caller(metadata, "").headers) == {"x-data-logging-enabled": "false"}
