"""What vision/v1 alone has, each client over each transport: requests of several images, and the bare call."""

import math
from collections.abc import Callable

import pytest
from dialects import VISION_DIALECT
from drivers import WAYS, AsyncDriver, Connect, SyncDriver, Way
from images_in_bytes import png
from scripted_service import Reply, answer, numbers_of, read

from vision_grpc import AsyncVisionClient, Image, InvalidRequestError, VisionClient
from vision_grpc.api.vision_v1 import VISION_V1, VisionV1
from vision_grpc.auth import IamToken
from vision_grpc.errors import AuthError, Code, DeadlineError, ProtocolError, RequestTooLargeError, ServiceError
from vision_grpc.local.faults.kinds.times import Hang
from vision_grpc.messages import (
    AnalyzeResult,
    AnalyzeSpec,
    BatchAnalyzeRequest,
    BatchAnalyzeResponse,
    Feature,
    Status,
)
from vision_grpc.testing import MemoryTransport

pytestmark = pytest.mark.usefixtures("patient_sources")


@pytest.fixture(params=[way for way in WAYS if way.dialect is VISION_DIALECT], ids=str)
def way(request: pytest.FixtureRequest) -> Way:
    """The kind of client and the kind of transport that a test runs with."""
    return request.param  # type: ignore[no-any-return]


def _request(*numbers: int) -> BatchAnalyzeRequest:
    features = [Feature(type=Feature.CLASSIFICATION)]
    specs = [AnalyzeSpec(content=png(number), features=features) for number in numbers]
    return BatchAnalyzeRequest(analyze_specs=specs, folder_id="f")


# What is asked


def test_the_folder_is_in_the_request(connect: Connect) -> None:
    client, service = connect(folder_id="folder")
    assert client.analyze(png(1)).ok
    assert [request.folder_id for request in service.requests] == ["folder"]


@pytest.mark.parametrize(
    ("languages", "told"),
    [
        (["latin"], r"languages\[0\]: 'latin' is 5 characters long, must be at most 3: give ISO 639-1 codes"),
        ([], r"languages: has 0 elements, must have 1 to 8: give codes such as \["),
        ([f"l{number}" for number in range(9)], r"languages: has 9 elements, must have 1 to 8: give codes such as \["),
    ],
)
def test_languages_that_break_the_contract_are_not_sent(connect: Connect, languages: list[str], told: str) -> None:
    client, service = connect()
    for call in (lambda: client.analyze(png(1), languages=languages), lambda: client.collect([], languages=languages)):
        with pytest.raises(InvalidRequestError, match=told):
            call()
    [good, bad] = client.collect([png(0), Image("b", png(1), languages)], ordered=True)
    assert good.ok
    assert bad.error is not None
    assert bad.error.code is Code.INVALID_ARGUMENT
    assert [numbers_of(request) for request in service.requests] == [[0]]


@pytest.mark.parametrize("model", ["table", " Markdown\n", "handwritten"])
def test_a_model_of_ocr_v1_alone_is_not_sent_and_told_with_the_api_that_has_it(connect: Connect, model: str) -> None:
    client, service = connect()
    told = (
        f"model: '{model.strip().lower()}' is a model of ocr/v1, and vision/v1 has page and line: make the client with"
    )
    for call in (lambda: client.analyze(png(1), model=model), lambda: client.collect([], model=model)):
        with pytest.raises(InvalidRequestError, match=told):
            call()
    [good, bad] = client.collect([png(0), Image("b", png(1), model=model)], ordered=True)
    assert good.ok
    assert bad.error is not None
    assert bad.error.message.startswith(f"b: {told}")
    assert [numbers_of(request) for request in service.requests] == [[0]]


def test_a_model_that_nobody_knows_is_left_to_the_service(connect: Connect) -> None:
    client, service = connect(lambda _: ServiceError(Code.INVALID_ARGUMENT, "no such model"))
    for model in ("poem", "passport"):
        with pytest.raises(ServiceError, match="no such model"):
            client.analyze(png(1), model=model)
    assert len(service.requests) == 2


# Several images a request


class _Threes(VisionV1):
    def __init__(self) -> None:
        super().__init__()
        self.most_images = 3


class _SyncThrees(VisionClient):
    def _choose_api(self) -> VisionV1:
        return _Threes()


class _AsyncThrees(AsyncVisionClient):
    def _choose_api(self) -> VisionV1:
        return _Threes()


@pytest.mark.parametrize("driver", [SyncDriver, AsyncDriver])
def test_an_api_says_how_many_images_a_request_has(driver: type[SyncDriver | AsyncDriver]) -> None:
    requests: list[BatchAnalyzeRequest] = []

    def handler(request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
        requests.append(request)
        return answer(request)

    class Threes(driver):  # type: ignore[misc, valid-type]
        def _make(self) -> object:
            return (_SyncThrees if driver is SyncDriver else _AsyncThrees)(**self.options)

    client = Threes({"transport": MemoryTransport(handler)})
    results = client.collect((png(number) for number in range(10)), ordered=True)
    assert [result.text for result in results] == [str(number) for number in range(10)]
    assert sorted(map(len, map(numbers_of, requests))) == [1, 3, 3, 3]


def test_a_feature_that_failed_for_good_is_told(connect: Connect) -> None:
    def script(request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
        response = answer(request)
        response.results[0].results.add(error=Status(code=Code.INVALID_ARGUMENT, message="no such model"))
        return response

    client, _ = connect(script)
    result = client.analyze(png(3))
    assert result.error is not None
    assert result.error.message == "no such model"
    assert result.text == "3"


def test_an_answer_is_counted_when_the_images_in_it_are_bad(connect: Connect) -> None:
    bad = AnalyzeResult(error=Status(code=Code.INVALID_ARGUMENT))
    client, _ = connect(lambda request: BatchAnalyzeResponse(results=[bad] * len(request.analyze_specs)))
    client.collect(map(png, range(8)))
    assert (client.stats.requests, client.stats.requests_failed) == (1, 0)
    assert (client.stats.images_succeeded, client.stats.images_failed) == (0, 8)


def test_a_request_that_is_too_large_is_split(connect: Connect) -> None:
    def script(request: BatchAnalyzeRequest) -> Reply:
        if len(request.analyze_specs) <= 2:
            return answer(request)
        return RequestTooLargeError(Code.RESOURCE_EXHAUSTED, "Received message larger than max (5 vs. 4)")

    client, service = connect(script)
    results = client.collect([png(number) for number in range(8)], ordered=True)
    assert [result.text for result in results] == [str(number) for number in range(8)]
    sizes = sorted(len(request.analyze_specs) for request in service.requests)
    # The second half may have left before the first one was refused.
    assert sizes in ([2, 2, 2, 2, 4, 8], [2, 2, 2, 2, 4, 4, 8])


def _once(first: Callable[[BatchAnalyzeRequest], Reply]) -> Callable[[BatchAnalyzeRequest], Reply]:
    replies = iter([first])

    def script(request: BatchAnalyzeRequest) -> Reply:
        return next(replies, answer)(request)

    return script


@pytest.mark.parametrize("images", [0, 7, 9, 16])
def test_results_that_cannot_be_assigned_are_not(connect: Connect, images: int) -> None:
    """Results are known by their position alone."""
    wrong = BatchAnalyzeResponse(results=[read(png(900 + number)) for number in range(images)])
    client, service = connect(_once(lambda _: wrong))
    results = client.collect([png(number) for number in range(8)], ordered=True)
    assert [result.text for result in results] == [str(number) for number in range(8)]
    assert [numbers_of(request) for request in service.requests] == [list(range(8))] * 2


def test_garbage_inside_a_result_is_asked_for_again(connect: Connect, way: Way) -> None:
    if way.transport != "grpc":
        pytest.skip("only gRPC answers are cut without being parsed")
    # Two results, the second of which has an error that is no google.rpc.Status.
    broken = b"\x0a\x00" + b"\x0a\x04\x0a\x02\xff\xff"
    client, _ = connect(_once(lambda _: broken))
    assert [result.text for result in client.collect([png(0), png(1)], ordered=True)] == ["0", "1"]


# The bare call


def test_a_request_goes_out_as_it_is_and_its_answer_comes_back_as_it_is(connect: Connect) -> None:
    client, service = connect()
    request = _request(1, 2, 3)
    assert client.batch_analyze(request) == answer(request)
    assert service.requests == [request]


def test_a_request_that_breaks_the_contract_is_not_sent(connect: Connect) -> None:
    client, service = connect()
    with pytest.raises(InvalidRequestError, match="analyze_specs"):
        client.batch_analyze(_request(*range(9)))
    assert service.requests == []


@pytest.mark.parametrize("results", [1, 3])
def test_an_answer_with_a_wrong_number_of_results_is_none(connect: Connect, results: int) -> None:
    client, service = connect(lambda _: answer(_request(*range(results))))
    with pytest.raises(ProtocolError, match=f"{results} results for 2 images"):
        client.batch_analyze(_request(1, 2))
    assert len(service.requests) == 1


def test_garbage_is_no_answer(connect: Connect) -> None:
    client, _ = connect(lambda _: b"\xff\xfe\x00<html>")
    with pytest.raises(ProtocolError):
        client.batch_analyze(_request(1))


def test_a_request_is_not_repeated(connect: Connect, way: Way) -> None:
    client, service = connect(lambda _: ServiceError(Code.UNAVAILABLE, "busy"))
    with pytest.raises(ServiceError, match="busy") as caught:
        client.batch_analyze(_request(1))
    assert caught.value.code is Code.UNAVAILABLE
    assert caught.value.request_id == (service.request_ids[0] if way.is_real else None)
    assert len(service.requests) == 1


def test_a_request_has_its_time(connect: Connect) -> None:
    client, service = connect(lambda _: Hang())
    with pytest.raises(DeadlineError):
        client.batch_analyze(_request(1), timeout=0.5)
    asked = len(service.requests)
    with pytest.raises(ValueError, match="NaN"):
        client.batch_analyze(_request(1), timeout=math.nan)
    assert len(service.requests) == asked


class _Tokens:
    """Gives a token, and another one if that is refused; none in the end."""

    is_service_account = True

    def __init__(self, *tokens: str) -> None:
        self._tokens = [*tokens]
        self.refused: list[str] = []

    def authorization(self, *, refused: str | None = None, timeout_s: float = 1) -> str:  # noqa: ARG002 - no wait
        if refused is not None:
            self.refused.append(refused)
        if not self._tokens:
            message = "no token today"
            raise AuthError(message)
        return f"Bearer {self._tokens.pop(0)}"

    async def authorization_async(self, *, refused: str | None = None, timeout_s: float = 1) -> str:
        return self.authorization(refused=refused, timeout_s=timeout_s)


def test_a_request_without_a_token_is_not_sent(connect: Connect) -> None:
    client, service = connect(credentials=_Tokens())
    with pytest.raises(AuthError, match="no token today"):
        client.batch_analyze(_request(1))
    assert service.requests == []


def test_a_request_of_ones_own_is_sent_again_with_another_token(connect: Connect) -> None:
    tokens = _Tokens("a", "b")
    client, service = connect(_once(lambda _: ServiceError(Code.UNAUTHENTICATED, "expired")), credentials=tokens)
    client.batch_analyze(VISION_V1.template(("*",), "", "").message([png(1)]))
    assert (tokens.refused, len(service.requests)) == (["Bearer a"], 2)


@pytest.mark.parametrize(("data_logging", "told"), [(True, "true"), (None, None)])
def test_data_logging_is_told_with_a_request_of_ones_own(
    connect: Connect,
    way: Way,
    data_logging: bool | None,  # noqa: FBT001 - the option itself
    told: str | None,
) -> None:
    if not way.is_real:
        pytest.skip("in memory, nothing goes with a call")
    client, service = connect(data_logging=data_logging, credentials=IamToken("t1.token"))
    client.batch_analyze(_request(1))
    assert service.data_logging == [told]
