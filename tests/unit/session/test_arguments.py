"""What both clients say of arguments that are not what they have to be."""

import asyncio
import inspect
import math
import re
import threading
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from images_in_bytes import png

from vision_grpc import (
    AsyncVisionClient,
    Image,
    InvalidRequestError,
    Limits,
    RetryPolicy,
    Stop,
    Timeouts,
    VisionClient,
    tune_memory,
)
from vision_grpc.auth import Anonymous, ApiKey, IamToken, MetadataService, OAuthToken, YcProfile
from vision_grpc.local import LocalVision
from vision_grpc.messages import AnalyzeResult, AnalyzeSpec, BatchAnalyzeRequest, BatchAnalyzeResponse
from vision_grpc.sources.ahead import read_ahead
from vision_grpc.tape import Tape
from vision_grpc.testing import MemoryTransport

Client = Callable[..., Any]

_CLIENTS = pytest.mark.parametrize("client", [VisionClient, AsyncVisionClient])
_SECRET = "b1gS3cretb1gS3cretb1gS3cret"  # noqa: S105 - in this test alone
_HUGE = 10**5_000


def _answer(request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
    return BatchAnalyzeResponse(results=[AnalyzeResult() for _ in request.analyze_specs])


def _call(client: Client, method: str, *arguments: Any, **named: Any) -> object:  # noqa: ANN401
    """Return what a method returns or yields, with a client of a kind that calls no service."""

    async def collect(results: Any) -> object:  # noqa: ANN401
        return await results if inspect.isawaitable(results) else [each async for each in results]

    made = client(transport=MemoryTransport(_answer))
    if isinstance(made, AsyncVisionClient):

        async def main() -> object:
            return await collect(getattr(made, method)(*arguments, **named))

        return asyncio.run(main())
    outcome = getattr(made, method)(*arguments, **named)
    return [*outcome] if method == "analyze_many" else outcome


_WRONG_TYPES: list[tuple[str, object, str]] = [
    ("credentials", f"AQVN{_SECRET}", r"of type str, .*: give credentials=ApiKey\(\.\.\.\)$"),
    ("credentials", f" 'AQVN{_SECRET}'", r"give credentials=ApiKey\(\.\.\.\)$"),
    ("credentials", f"Api-Key {_SECRET}", r"give credentials=ApiKey\(\.\.\.\)$"),
    ("credentials", f"AQVN{_SECRET}".encode(), r"of type bytes, .*: give credentials=ApiKey\(\.\.\.\)$"),
    ("credentials", f"t1.{_SECRET}", r"give credentials=IamToken\(\.\.\.\)$"),
    ("credentials", f"Bearer {_SECRET}", r"give credentials=IamToken\(\.\.\.\)$"),
    ("credentials", f"y0_{_SECRET}", r"give credentials=OAuthToken\(\.\.\.\)$"),
    ("credentials", f'{{"private_key": "{_SECRET}"}}', r"give credentials=ServiceAccountKey\(\.\.\.\)$"),
    ("credentials", {"private_key": _SECRET}, r"of type dict.*give credentials=ServiceAccountKey\(\.\.\.\)$"),
    ("credentials", f"/{_SECRET}/key.json", r"give credentials=ServiceAccountKey\(\.\.\.\)$"),
    ("credentials", Path(_SECRET), r"give credentials=ServiceAccountKey\(\.\.\.\)$"),
    ("credentials", _SECRET, r"give credentials=ApiKey\(\.\.\.\), IamToken\(\.\.\.\), OAuthToken"),
    ("credentials", 5, "of type int, must be an object of vision_grpc.auth"),
    ("credentials", lambda: _SECRET, r"give credentials=IamToken\(\.\.\.\) with a function"),
    ("credentials", ApiKey, "is the class ApiKey, must be an object of it"),
    ("timeouts", 5, r"timeouts is 5, must be Timeouts, such as Timeouts\(call_s=5\)$"),
    ("timeouts", 2.5, r"such as Timeouts\(call_s=2\.5\)$"),
    ("timeouts", True, r"timeouts is True, .*\(call_s=5\)$"),
    ("timeouts", "5", "timeouts is '5', must be Timeouts"),
    ("timeouts", None, "leave it out for the defaults$"),
    ("timeouts", timedelta(seconds=5), r"timeouts is datetime.timedelta\(seconds=5\), must be Timeouts"),
    ("timeouts", Limits(), r"timeouts is Limits\(.*, must be Timeouts"),
    ("timeouts", Timeouts, "timeouts is the class Timeouts, must be Timeouts"),
    ("retry", 3, r"retry is 3, must be RetryPolicy, such as RetryPolicy\(attempts=3\)$"),
    ("retry", False, "retry is False, must be RetryPolicy"),
    ("limits", 10, r"limits is 10, must be Limits, such as Limits\(requests_per_s=10\)$"),
    ("limits", {"pixels": 1}, r"limits is {'pixels': 1}, must be Limits"),
    ("endpoint", 5, "endpoint is 5, must be text such as 'vision.example:443', or ApiEndpoints"),
    ("endpoint", b"localhost:1", "endpoint is <11 bytes>, must be text"),
    ("endpoint", Path("localhost"), "endpoint is .*Path.*, must be text"),
    ("endpoint", ("localhost", 50051), r"endpoint is \('localhost', 50051\), .* text: 'localhost:50051'"),
    ("endpoint", ApiKey(_SECRET), r"endpoint is ApiKey\(\.\.\.\), .*who is calling is said by credentials="),
    ("transport", 5, "transport is 5, must be 'auto', 'grpc', 'rest' or an object"),
    ("transport", b"grpc", "transport is <4 bytes>, must be 'auto'"),
    ("transport", ["grpc"], r"transport is \['grpc'\], must be 'auto'"),
    ("transport", MemoryTransport, "transport is the class MemoryTransport, must be"),
    ("folder_id", 5, "folder_id is 5, must be text"),
    ("folder_id", ["b1g"], r"folder_id is \['b1g'\], must be text"),
    ("root_certificates", 5, "root_certificates is 5, must be PEM bytes or the path of a file"),
    ("root_certificates", BytesIO(), "root_certificates is <_io.BytesIO .*>, must be PEM bytes"),
    ("client_certificate", "chain.pem", "client_certificate has to be a pair"),
    ("server_name", 7, "server_name has to be text, not int"),
    ("insecure", "false", "insecure is 'false', must be True or False"),
    ("insecure", 1, "insecure is 1, must be True or False"),
    ("insecure", None, "insecure is None, must be True or False"),
    ("data_logging", "no", "data_logging is 'no', must be True or False"),
    ("metadata", [("x-test-id", "7")], r"metadata is \[.*\], must be a mapping such as {'x-test-id': '7'}"),
    ("metadata", {"x-test-id": 7}, "metadata 'x-test-id' is of type int: names and values are texts"),
    ("metadata", {b"x-test-id": "7"}, "metadata <9 bytes> is of type bytes: names and values are texts"),
    ("on_event", "print", "on_event is 'print', must be a function"),
    ("on_event", [print], "on_event is .*, must be a function"),
    ("quota", 10, r"quota is 10, must be an object of vision_grpc.quota; .*limits=Limits\(requests_per_s=10\)$"),
    ("quota", 2.5, r"limits=Limits\(requests_per_s=2\.5\)$"),
    ("quota", True, "quota is True, must be an object of vision_grpc.quota$"),
    ("quota", Limits(requests_per_s=1), "must be an object of vision_grpc.quota; .* is said by limits=$"),
    ("quota", "quota:7070", r"quota is 'quota:7070', .*: give quota=SharedQuota\('quota:7070'\)$"),
    ("quota", MemoryTransport, "quota is the class MemoryTransport, must be an object of vision_grpc.quota"),
    ("quota", lambda: None, "quota is <function .*>, must be an object of vision_grpc.quota"),
    ("cache", True, "cache is True, must be a folder, the URL of a store, or a Tape"),
    ("cache", b"tape", "cache is <4 bytes>, must be a folder"),
    ("cache", Tape, "cache is the class Tape, must be a folder"),
]


@_CLIENTS
@pytest.mark.parametrize(
    ("name", "value", "told"),
    _WRONG_TYPES,
    ids=[f"{each[0]}-{number}" for number, each in enumerate(_WRONG_TYPES)],
)
def test_an_argument_of_the_wrong_type_is_named_with_the_form_that_is_wanted(
    client: Client, name: str, value: object, told: str
) -> None:
    arguments: dict[str, Any] = {"endpoint": "vision.example", "credentials": Anonymous(), name: value}
    with pytest.raises(TypeError, match=told) as caught:
        client(**arguments)
    assert name in str(caught.value)
    assert _SECRET not in str(caught.value)
    assert len(str(caught.value)) < 400
    assert "\n" not in str(caught.value)


@_CLIENTS
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("api_key", "has no argument api_key: give credentials=ApiKey(...)"),
        ("key", "give credentials=ApiKey(...)"),
        ("token", "give credentials=IamToken(...)"),
        ("iam_token", "give credentials=IamToken(...)"),
        ("oauth_token", "give credentials=OAuthToken(...)"),
        ("service_account_key_file", "give credentials=ServiceAccountKey(...)"),
        ("timeout", "give timeouts=Timeouts(call_s=...)"),
        ("total_s", "give timeouts=Timeouts(total_s=...)"),
        ("max_retries", "give retry=RetryPolicy(attempts=...)"),
        ("attempts", "give retry=RetryPolicy(attempts=...)"),
        ("calls_in_flight", "give limits=Limits(calls_in_flight=...)"),
        ("folder", "give folder_id=..."),
        ("url", "give endpoint=..."),
        ("verify", "give root_certificates=..."),
        ("languages", "give it to analyze or analyze_many"),
        ("endpont", "did you mean endpoint?"),
        ("Credentials", "did you mean credentials?"),
        ("x", "it has endpoint, transport, credentials, "),
    ],
)
def test_an_argument_that_a_client_does_not_have_is_named_with_the_one_in_its_place(
    client: Client, name: str, told: str
) -> None:
    with pytest.raises(TypeError) as caught:
        client(**{name: _SECRET})
    assert str(caught.value).startswith(f"{getattr(client, '__name__', '')} has no argument {name}: ")
    assert told in str(caught.value)
    assert _SECRET not in str(caught.value)


@_CLIENTS
def test_a_second_argument_without_a_name_is_refused_with_the_names(client: Client) -> None:
    told = (
        r"^\w+ takes endpoint without its name, and all else by name: transport=\.\.\., credentials=\.\.\. and so on$"
    )
    with pytest.raises(TypeError, match=told):
        client("vision.example", _SECRET)


@_CLIENTS
def test_the_signature_of_a_client_shows_its_arguments(client: Client) -> None:
    assert [*inspect.signature(client).parameters][:3] == ["endpoint", "transport", "credentials"]


@_CLIENTS
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"transport": "http"}, "the transport 'http' is not one of auto, grpc, rest, did you mean rest?"),
        ({"transport": "grpcs"}, "did you mean grpc?"),
        ({"folder_id": "b1g abc"}, "the folder id: there is a blank inside"),
        ({"folder_id": "b" * 51}, "folder_id: is 51 characters long, must be at most 50"),
        ({"endpoint": f"AQVN{_SECRET}"}, "the endpoint <31 characters that do not look like an address>"),
    ],
)
def test_an_argument_without_meaning_is_a_value_error(client: Client, arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        client(**{"endpoint": "vision.example", "credentials": Anonymous(), **arguments})


_CODES = r'codes such as \["ru", "en"\], or \["\*"\] to detect them'


@_CLIENTS
@pytest.mark.parametrize("method", ["analyze", "analyze_many"])
@pytest.mark.parametrize(
    ("languages", "kind", "told"),
    [
        ("ru", TypeError, r"languages is 'ru', must be a list of codes: \[\"ru\"\]$"),
        ("ru, en", TypeError, r"languages is 'ru, en', must be a list of codes: \[\"ru\", \"en\"\]$"),
        ("ru+en", TypeError, r"must be a list of codes: \[\"ru\", \"en\"\]$"),
        ("en-US", TypeError, r"must be a list of codes: \[\"en\"\]$"),
        ("", TypeError, rf"languages is '', must be a list of {_CODES}"),
        (f"AQVN{_SECRET}", TypeError, rf"languages is <31 characters .*>, must be a list of {_CODES}$"),
        ("the text is Russian", TypeError, rf"languages is 'the text is Russian', must be a list of {_CODES}$"),
        (b"ru", TypeError, rf"languages is <2 bytes>, must be a list of {_CODES}"),
        (None, TypeError, rf"languages is None, must be a list of {_CODES}"),
        (math.nan, TypeError, "languages is nan, must be a list of"),
        (["ru", None], TypeError, r"languages\[1\] is None, must be a code such as 'ru'"),
        ([math.nan], TypeError, r"languages\[0\] is nan, must be a code"),
        ([["ru"]], TypeError, r"languages\[0\] is \['ru'\], must be a code"),
        (["ru", "en-US"], InvalidRequestError, r"languages\[1\]: 'en-US' is 5 characters .*: give \[\"en\"\]$"),
        (["ru_RU.UTF-8"], InvalidRequestError, r"languages\[0\]: 'ru_RU.UTF-8' .*: give \[\"ru\"\]$"),
        (["zh-Hans"], InvalidRequestError, r": give \[\"zh\"\]$"),
        (["ru+en"], InvalidRequestError, r": give \[\"ru\", \"en\"\]$"),
        (["rus+eng"], InvalidRequestError, "'rus[+]eng' .*: give ISO 639-1 codes such as 'ru'$"),
        (["English"], InvalidRequestError, r"'English' .*: give \[\"en\"\]$"),
        (["auto"], InvalidRequestError, r": give \[\"\*\"\]$"),
        (["klingon"], InvalidRequestError, "'klingon' .*: give ISO 639-1 codes such as 'ru'$"),
        ([], InvalidRequestError, rf"languages: has 0 elements, must have 1 to 8: give {_CODES}"),
        ([""], InvalidRequestError, "languages: has 0 elements"),
    ],
    ids=repr,
)
def test_languages_that_are_no_codes_are_explained(
    client: Client, method: str, languages: object, kind: type[Exception], told: str
) -> None:
    with pytest.raises(kind, match=told):
        _call(client, method, png(1) if method == "analyze" else [png(1)], languages=languages)


@_CLIENTS
def test_the_languages_of_an_image_are_explained_in_its_result(client: Client) -> None:
    results: Any = _call(client, "analyze_many", [Image("k", png(1), ["ru", "en-US"])])
    [result] = results
    assert result.error.message.startswith("k: languages[1]: 'en-US' is 5 characters long")


@_CLIENTS
def test_an_iterator_of_languages_is_read_once(client: Client) -> None:
    results: Any = _call(client, "analyze_many", [png(1), Image("k", png(2), model="line")], languages=iter(["ru"]))
    assert [result.error for result in results] == [None, None]


@_CLIENTS
@pytest.mark.parametrize("value", [5, True, b"page", ["page"]], ids=repr)
def test_a_model_is_text(client: Client, value: object) -> None:
    with pytest.raises(TypeError, match=r"^model is .*, must be text such as 'page'$"):
        _call(client, "analyze", png(1), model=value)


@_CLIENTS
@pytest.mark.parametrize("method", ["analyze", "batch_analyze"])
@pytest.mark.parametrize(
    ("timeout", "kind", "told"),
    [
        ("5", TypeError, "timeout is '5', must be a number of seconds"),
        (True, TypeError, "timeout is True, must be"),
        (timedelta(seconds=5), TypeError, "timeout is datetime.timedelta"),
        (math.nan, ValueError, "timeout is NaN, must be a number of seconds"),
    ],
    ids=repr,
)
def test_a_timeout_is_a_number(client: Client, method: str, timeout: object, kind: type[Exception], told: str) -> None:
    with pytest.raises(kind, match=told):
        _call(client, method, png(1) if method == "analyze" else _request(), timeout=timeout)


@_CLIENTS
@pytest.mark.parametrize("timeout", [math.inf, 10**400, 5, 5.0, None], ids=["inf", "huge", "int", "float", "None"])
def test_a_timeout_may_be_as_long_as_it_likes(client: Client, timeout: float) -> None:
    assert _call(client, "analyze", png(1), timeout=timeout).ok  # type: ignore[attr-defined]
    assert _call(client, "batch_analyze", _request(), timeout=timeout) == BatchAnalyzeResponse(
        results=[AnalyzeResult()]
    )


@_CLIENTS
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"ordered": "yes"}, "ordered is 'yes', must be True or False"),
        ({"ordered": 1}, "ordered is 1, must be True or False"),
        ({"stop": True}, "stop is True, must be a Stop"),
        ({"stop": threading.Event()}, r"stop is <threading.Event .*, must be a Stop, whose method ask\(\)"),
        ({"stop": Stop}, "stop is the class Stop, must be a Stop"),
    ],
    ids=["yes", "1", "True", "Event", "class"],
)
def test_how_results_come_is_checked_at_once(client: Client, arguments: dict[str, Any], told: str) -> None:
    def images() -> Any:  # noqa: ANN401
        raise AssertionError
        yield png(1)

    with pytest.raises(TypeError, match=told):
        _call(client, "analyze_many", images(), **arguments)


@_CLIENTS
@pytest.mark.parametrize(
    "request_", [None, b"x", {}, png(1), [png(1)], AnalyzeSpec(content=png(1)), BatchAnalyzeResponse()]
)
def test_a_request_is_a_message_of_its_type(client: Client, request_: object) -> None:
    told = f"^the request is of type {type(request_).__name__}, must be a BatchAnalyzeRequest of vision_grpc.messages$"
    with pytest.raises(TypeError, match=told):
        _call(client, "batch_analyze", request_)


@_CLIENTS
def test_a_sequence_that_has_only_numbers_is_an_iterable_of_images(client: Client) -> None:
    class DataSet:
        def __getitem__(self, number: int) -> bytes:
            return [png(1), png(2)][number]

    assert len(_call(client, "analyze_many", DataSet())) == 2  # type: ignore[arg-type]


@_CLIENTS
@pytest.mark.parametrize("images", [None, 5, object, math.nan], ids=repr)
def test_what_holds_no_images_is_refused_at_once(client: Client, images: object) -> None:
    with pytest.raises(TypeError, match="analyze_many takes an iterable of images, not "):
        _call(client, "analyze_many", images)


def test_the_client_for_threads_takes_no_asynchronous_iterable() -> None:
    async def images() -> AsyncIterator[bytes]:
        yield png(1)

    with pytest.raises(TypeError, match="no asynchronous iterable; AsyncVisionClient does"):
        _call(VisionClient, "analyze_many", images())


@pytest.mark.parametrize(
    "value",
    ["5", None, True, b"5", [5], timedelta(seconds=5), math.nan, -1, _HUGE],
    ids=["text", "None", "bool", "bytes", "list", "timedelta", "NaN", "negative", "huge"],
)
@pytest.mark.parametrize(
    ("settings", "name"),
    [
        (Limits, "content_bytes"), (Limits, "pixels"), (Limits, "calls_in_flight"), (Limits, "bytes_in_flight"),
        (Limits, "requests_per_s"), (Limits, "images_per_s"), (RetryPolicy, "attempts"), (RetryPolicy, "budget"),
        (RetryPolicy, "max_backoff_s"), (Timeouts, "call_s"), (Timeouts, "total_s"),
    ],
)  # fmt: skip
def test_a_setting_is_a_number_that_means_something(settings: Callable[..., Any], name: str, value: object) -> None:
    if value is None and name.endswith("per_s"):
        assert settings(**{name: None}) == settings()
        return
    kind = ValueError if isinstance(value, int | float) and not isinstance(value, bool) else TypeError
    with pytest.raises(kind, match=rf"^{settings.__name__}.{name} is .*, must be a (finite )?number"):
        settings(**{name: value})


@pytest.mark.parametrize("name", ["content_bytes", "pixels", "calls_in_flight", "bytes_in_flight"])
def test_what_is_counted_is_whole(name: str) -> None:
    with pytest.raises(ValueError, match=rf"^Limits.{name} is 1\.5, must be a whole number$"):
        Limits(**{name: 1.5})  # type: ignore[arg-type]
    million = getattr(Limits(**{name: 1e6}), name)  # type: ignore[arg-type]
    assert (million, type(million)) == (1_000_000, int)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: tune_memory(arenas="1"), "arenas is '1', must be a whole number, at least 1"),  # type: ignore[arg-type]
        (lambda: tune_memory(arenas=True), "arenas is True, must be a whole number"),
        (lambda: read_ahead([], threads="8"), "threads is '8', must be a whole number"),  # type: ignore[arg-type]
        (lambda: read_ahead([], within_s=True), "within_s is True, must be a number of seconds"),
        (lambda: read_ahead([], ordered="no"), "ordered is 'no', must be True or False"),  # type: ignore[arg-type]
        (lambda: read_ahead([], limits=5), "limits is 5, must be Limits"),  # type: ignore[arg-type]
        (lambda: read_ahead([], prepare=5), "prepare is 5, must be a function"),  # type: ignore[arg-type]
        (lambda: read_ahead(5), "items is 5, must be an iterable of Items"),  # type: ignore[arg-type]
        (lambda: read_ahead("a.png"), "items is 'a.png', must be an iterable of Items"),  # type: ignore[arg-type]
        (lambda: LocalVision(grpc_port="1"), "grpc_port is '1', must be a port"),  # type: ignore[arg-type]
        (lambda: LocalVision(host=5), "host is 5, must be text"),  # type: ignore[arg-type]
        (lambda: LocalVision(strict="no"), "strict is 'no', must be True or False"),  # type: ignore[arg-type]
        (lambda: MetadataService(5), "address is 5, must be text"),  # type: ignore[arg-type]
        (lambda: YcProfile(5), "name is 5, must be the name of a profile"),  # type: ignore[arg-type]
        (lambda: OAuthToken("y", iam_endpoint=5), "the endpoint is 5, must be text"),  # type: ignore[arg-type]
        (lambda: OAuthToken("y", transport=5), "transport is 5, must be one of auto, grpc, rest"),  # type: ignore[arg-type]
        (lambda: IamToken(5), "the IAM token has to be a str, not int"),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_other_arguments_of_the_wrong_type_are_named(make: Callable[[], object], told: str) -> None:
    with pytest.raises(TypeError, match=told):
        make()


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: tune_memory(arenas=2**31), "arenas is 2147483648, must be at most"),
        (lambda: tune_memory(arenas=math.nan), "arenas is nan, must be a whole number"),  # type: ignore[arg-type]
        (lambda: read_ahead([], most_images=1.5), "most_images is 1.5, must be a whole number"),  # type: ignore[arg-type]
        (lambda: LocalVision(rest_port=65_536), "rest_port is 65536, must be a port: 0 to 65535"),
        (lambda: OAuthToken("y", transport="http"), "transport is 'http', must be one of auto"),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_other_arguments_without_meaning_are_named(make: Callable[[], object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        make()


def _request() -> BatchAnalyzeRequest:
    return BatchAnalyzeRequest(analyze_specs=[AnalyzeSpec(content=png(1), features=[{"type": "TEXT_DETECTION"}])])  # type: ignore[list-item]
