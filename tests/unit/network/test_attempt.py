"""What the transports do to keep the secret of a call, whoever calls them."""

import asyncio

import pytest

from vision_grpc import VisionError
from vision_grpc.api.vision_v1 import VISION_V1
from vision_grpc.messages import BatchAnalyzeRequest
from vision_grpc.network.attempt import Attempt
from vision_grpc.network.deadline import Deadline
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.tls import Tls
from vision_grpc.transport.connect import connect

_SECRET = "t1.9euelZqMkpKVlomOmYqL"  # noqa: S105 - nobody's
_DEADLINE = Deadline.after(60.0)
_THERE = Endpoint("vision.example", 443, plaintext=False)
_REMOTE = Endpoint("10.0.0.1", 80, plaintext=True)
_TEMPLATE = VISION_V1.template(("*",), "", "")


def _on_done() -> None:
    raise AssertionError


@pytest.mark.parametrize("way", ["grpc", "rest", "auto"])
@pytest.mark.parametrize(("endpoint", "secret"), [(_REMOTE, "Bearer t"), (_THERE, "Bearer t\n"), (_THERE, "Bearer ы")])
async def test_no_transport_sends_a_secret_in_plaintext_or_one_that_is_none(
    way: str, endpoint: Endpoint, secret: str
) -> None:
    loop = asyncio.get_running_loop()
    transport = connect(VISION_V1, way, endpoint, Tls(), calls=1, headers=())  # type: ignore[arg-type]
    other = connect(VISION_V1, way, endpoint, Tls(), calls=1, headers=(), loop=loop)  # type: ignore[arg-type]
    words = "to 10.0.0.1:80 in plaintext" if endpoint is _REMOTE else "characters that are not allowed in a header"
    request = BatchAnalyzeRequest()
    for each in (transport, other):
        with pytest.raises(ValueError, match=words) as caught:
            each.start([b"image"], _TEMPLATE, secret, _DEADLINE, _on_done)
        assert secret not in str(caught.value)
        with pytest.raises(ValueError, match=words):
            each.send(request, secret, _DEADLINE, _on_done)
    transport.close()
    await other.aclose()


@pytest.mark.parametrize(
    "endpoint", [_THERE, Endpoint("127.0.0.1", 80, plaintext=True), Endpoint("localhost", 80, plaintext=True)]
)
def test_tls_and_this_machine_get_the_secret(endpoint: Endpoint) -> None:
    Attempt(endpoint, _DEADLINE, f"Bearer {_SECRET}")
    Attempt(_REMOTE, _DEADLINE)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (f"<{_SECRET}>", "<...>"),
        (f"{_SECRET}{_SECRET} Bearer {_SECRET}", "...... Bearer ..."),
        (f"cut short: {_SECRET[:-3]}", "cut short: ..."),
        ("t1.9eue is too little to tell", "t1.9eue is too little to tell"),
        ("no secret", "no secret"),
        ("", ""),
    ],
)
def test_a_secret_is_hidden_wherever_it_stands(said: str, told: str) -> None:
    for secret in (_SECRET, f"Bearer {_SECRET}", f"Api-Key {_SECRET}"):
        attempt = Attempt(_THERE, _DEADLINE, secret)
        assert attempt.hide(said) == told
        hidden = attempt.hide_bytes(said.encode() + b"\xff")
        assert (len(hidden), _SECRET.encode() in hidden) == (len(said) + 1, False)
        assert hidden.replace(b"*", b"") == told.replace("...", "").encode() + b"\xff"


def test_what_is_too_short_to_be_a_secret_is_left_alone() -> None:
    for secret in (None, "", "Bearer ", "Api-Key key"):
        assert Attempt(_THERE, _DEADLINE, secret).hide("a key") == "a key"


@pytest.mark.parametrize(("said", "stays"), [("reset by peer", True), (f"illegal header: {_SECRET}", False)])
def test_a_cause_goes_along_unless_it_quotes_the_secret(said: str, *, stays: bool) -> None:
    cause = OSError("broke")
    cause.__cause__ = KeyError(said)
    with pytest.raises(VisionError) as caught:
        _fail(Attempt(_THERE, _DEADLINE, f"Bearer {_SECRET}"), cause)
    assert caught.value.__cause__ is (cause if stays else None)
    assert caught.value.__context__ is (cause if stays else None)


def _fail(attempt: Attempt, cause: OSError) -> None:
    try:
        raise cause
    except OSError as error:
        attempt.fail(VisionError("failed"), error)
