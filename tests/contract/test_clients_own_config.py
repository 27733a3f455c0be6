"""Images with languages and a model of their own, over every transport."""

from collections import Counter
from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

import pytest
from drivers import Connect, Way
from images_in_bytes import number_in, png
from scripted_service import Reply, Service, answer, numbers_of

from vision_grpc import Image, InvalidRequestError, Limits
from vision_grpc.errors import Code, ServiceError
from vision_grpc.messages import AnalyzeResult, BatchAnalyzeRequest, BatchAnalyzeResponse, Status

pytestmark = pytest.mark.usefixtures("patient_sources")


class _Asked(NamedTuple):
    languages: tuple[str, ...]
    model: str


def _asked(request: BatchAnalyzeRequest) -> _Asked:
    """Return what a request asks about its images, which is the same about all."""
    asked = {
        _Asked(tuple(feature.text_detection_config.language_codes), feature.text_detection_config.model)
        for spec in request.analyze_specs
        for feature in spec.features
    }
    [one] = asked
    return one


def _asked_by_number(service: Service) -> dict[int, _Asked]:
    return {number: _asked(request) for request in service.requests for number in numbers_of(request)}


def _mixed(images: int, kinds: int) -> Iterator[Image]:
    """Yield images with languages in turn, of so many kinds."""
    return (Image(str(number), png(number), [f"l{number % kinds}"]) for number in range(images))


def test_an_image_is_asked_for_with_its_own_languages_and_model(connect: Connect, way: Way) -> None:
    client, service = connect()
    images: list[Image | bytes] = [
        png(0),
        Image("1", png(1), ["ru", "en"]),
        Image("2", png(2), languages=["KK, en"]),
        Image("3", png(3), model="line"),
        Image("4", png(4), ["de"], "page"),
        Image("5", png(5), ["*"]),
        Image("6", png(6)),
    ]
    results = client.collect(images, languages=["*"], model="page", ordered=True)
    assert [result.text for result in results] == [str(number) for number in range(7)]
    assert _asked_by_number(service) == {
        0: (("*",), "page"),
        1: (("ru", "en"), "page"),
        2: (("kk", "en"), "page"),
        3: (("*",), "line"),
        4: (("de",), "page"),
        5: (("*",), "page"),
        6: (("*",), "page"),
    }
    assert sorted(map(numbers_of, service.requests)) == sorted([*way.batches([0, 5, 6]), [1], [2], [3], [4]])


def test_one_image_brings_what_it_asks_for(connect: Connect) -> None:
    client, service = connect()
    assert client.analyze(Image("k", png(7), ["ru"], "line"), languages=["en"]).text == "7"
    assert _asked_by_number(service) == {7: (("ru",), "line")}


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("kinds", [2, 8])
def test_images_of_several_kinds_in_turn_fill_requests(
    connect: Connect, way: Way, kinds: int, *, ordered: bool
) -> None:
    client, service = connect()
    results = client.collect(_mixed(192, kinds), ordered=ordered)
    assert sorted(int(result.text) for result in results) == list(range(192))
    assert all(result.key == result.text for result in results)
    if ordered:
        assert [int(result.key) for result in results] == list(range(192))
    assert {number: asked.languages for number, asked in _asked_by_number(service).items()} == {
        number: (f"l{number % kinds}",) for number in range(192)
    }
    assert Counter(map(len, map(numbers_of, service.requests))) == {way.most_images: 192 // way.most_images}


def test_each_image_may_ask_for_something_else(connect: Connect) -> None:
    client, service = connect(limits=Limits(calls_in_flight=2))
    images = (Image(str(number), png(number), model=f"model-{number}") for number in range(300))
    results = client.collect(images, ordered=True)
    assert [result.text for result in results] == [str(number) for number in range(300)]
    assert {number: asked.model for number, asked in _asked_by_number(service).items()} == {
        number: f"model-{number}" for number in range(300)
    }


_WRONG: list[tuple[dict[str, object], str]] = [
    ({"languages": "ru, en"}, """languages is 'ru, en', must be a list of codes: ["ru", "en"]"""),
    ({"model": "m" * 51}, "model: is 51 characters long, must be at most 50"),
    ({"languages": ["r\udce4"]}, r"'r\udce4': is not valid text"),
    ({"model": "m\udce4"}, r"'m\udce4': is not valid text"),
    ({"languages": 7}, "languages is 7, must be a list of codes such as"),
    ({"languages": ["ru", None]}, "languages[1] is None, must be a code such as 'ru'"),
    ({"languages": [["ru"]]}, "languages[0] is ['ru'], must be a code such as 'ru'"),
    ({"model": 7}, "model is 7, must be text such as 'page'"),
    ({"model": ["page"]}, "model is ['page'], must be text such as 'page'"),
]


@pytest.mark.parametrize(("wrong", "told"), _WRONG, ids=[told[:32] for _, told in _WRONG])
def test_an_image_that_asks_for_what_cannot_be_is_a_result(
    connect: Connect, way: Way, wrong: dict[str, object], told: str
) -> None:
    client, service = connect()
    guilty = [Image("b c", png(1), **wrong), Image("b", png(3), **wrong)]  # type: ignore[arg-type]
    images: list[Image | bytes] = [Image("a", png(0)), guilty[0], png(2), guilty[1]]
    results = client.collect(images, ordered=True)
    assert [result.text for result in results] == ["0", "", "2", ""]
    for result, name in ((results[1], "'b c'"), (results[3], "b")):
        assert result.error is not None
        assert result.error.code is Code.INVALID_ARGUMENT
        assert result.error.message.startswith(f"{name}: ")
        assert told in result.error.message
        assert not result.error.retryable
        assert result.attempts == 0
    assert sorted(map(numbers_of, service.requests)) == way.batches([0, 2])
    assert client.analyze(guilty[0]).error == results[1].error


def test_the_languages_of_a_call_may_not_be_broken_text(connect: Connect) -> None:
    client, service = connect()
    with pytest.raises(InvalidRequestError, match=r"'\\udce4': is not valid text"):
        client.collect([png(1)], languages=["\udce4"])
    assert service.requests == []


def test_what_is_sent_again_is_asked_for_as_before(connect: Connect) -> None:
    """Images that failed, the halves of a call that was refused, and a call that broke off."""
    calls = count()

    def script(request: BatchAnalyzeRequest) -> Reply:
        call = next(calls)
        numbers = numbers_of(request)
        if call == 3:
            return ServiceError(Code.UNAVAILABLE, "busy")
        if 13 in numbers and len(numbers) > 1:
            return ServiceError(Code.INVALID_ARGUMENT, "one of these is no image")
        if call < 3:
            fine = answer(request)
            failed = AnalyzeResult(error=Status(code=Code.INTERNAL, message="bug"))
            return BatchAnalyzeResponse(
                results=[failed if number % 2 else result for number, result in zip(numbers, fine.results, strict=True)]
            )
        return answer(request)

    client, service = connect(script)
    results = client.collect(_mixed(120, 3), ordered=True)
    assert [result.text for result in results] == [str(number) for number in range(120)]
    for request in service.requests:
        [code] = _asked(request).languages
        assert {f"l{number % 3}" for number in numbers_of(request)} == {code}
    assert len(service.requests) > 15


def test_contents_are_those_of_their_images(connect: Connect) -> None:
    client, service = connect()
    client.collect(_mixed(40, 5))
    sent = [number_in(spec.content) for request in service.requests for spec in request.analyze_specs]
    assert sorted(sent) == list(range(40))
