"""The fake service on a real port: what it reads, what it was asked, and how it fails."""

import asyncio
import os
import unittest
from pathlib import Path
from typing import Any

import pytest

from vision_grpc import AsyncVisionClient, Code, DeadlineError, ServiceError, TransportError, VisionClient
from vision_grpc.auth import ApiKey
from vision_grpc.local.config import ServiceConfig
from vision_grpc.testing import FakeVision, blank_image, text_image, without_backoff

_SECRET = "AQVN" + "s" * 36
TRANSPORTS = pytest.mark.parametrize("transport", ["grpc", "rest"])
APIS = pytest.mark.parametrize("api", ["vision/v1", "ocr/v1"])


@TRANSPORTS
@APIS
def test_clients_get_what_the_test_says(transport: Any, api: Any) -> None:  # noqa: ANN401
    invoice, broken, other = map(blank_image, ("invoice", "broken", "other"))
    with without_backoff(), FakeVision("Hello world") as vision:
        vision.reads("Total: 42\n\nThanks", of=invoice)
        vision.fails(Code.INVALID_ARGUMENT, "no picture", of=broken)
        with vision.client(transport=transport, api=api) as client:
            results = list(client.analyze_many([invoice, broken, other], languages=["en"], ordered=True))
    assert [result.text for result in results] == ["Total: 42\n\nThanks", "", "Hello world"]
    # In ocr/v1 these are deferred calls, whose errors name the operation, too.
    assert ["no picture" in result.error.message if result.error else None for result in results] == [None, True, None]
    assert sorted(vision.images) == sorted([invoice, broken, other])
    assert {request.transport for request in vision.requests} == {transport}
    assert {request.languages for request in vision.requests} == {("en",)}
    assert len(vision.requests) == (1 if api == "vision/v1" else 3)


def test_the_asynchronous_client_likewise() -> None:
    async def read() -> str:
        async with vision.async_client() as client:
            return (await client.analyze(blank_image())).text

    with FakeVision("Hello world") as vision:
        assert asyncio.run(read()) == "Hello world"


@TRANSPORTS
@APIS
def test_a_request_is_seen_whole_and_without_secrets(transport: Any, api: Any) -> None:  # noqa: ANN401
    with FakeVision("text") as vision:
        options: dict[str, Any] = {
            "transport": transport,
            "api": api,
            "folder_id": "folder-7",
            "credentials": ApiKey(_SECRET),
            "metadata": {"x-tenant": "seven", "x-session-token": "hush"},
        }
        with VisionClient(vision.rest_endpoint, **options) as client:
            client.analyze(blank_image("a"), languages=["ru", "en"], model="line")
        request = vision.request
    assert request.images == (blank_image("a"),)
    assert (request.languages, request.folder_id) == (("ru", "en"), "folder-7")
    assert request.model == "line"
    assert request.metadata["x-tenant"] == "seven"
    assert request.metadata["authorization"].startswith("Api-Key ")
    assert _SECRET not in repr(dict(request.metadata))
    assert "hush" not in repr(dict(request.metadata))
    assert "PNG" not in repr(request)


def test_each_attempt_is_a_request() -> None:
    with FakeVision("text") as vision, vision.failing("code=UNAVAILABLE; times=2"), vision.client() as client:
        assert client.analyze(blank_image()).attempts == 3
        assert len(vision.requests) == 3
        with pytest.raises(AssertionError, match="3 requests came, and not one"):
            vision.request  # noqa: B018
        vision.forget()
        assert vision.requests == []


def test_a_request_that_is_not_answered_is_seen_too() -> None:
    with FakeVision("text") as vision, vision.failing("hang; times=1"), vision.client() as client:
        with pytest.raises(DeadlineError):
            client.analyze(blank_image(), timeout=0.3)
        assert len(vision.requests) == 1


def test_faults_that_strike_nothing_fail_the_test() -> None:
    with FakeVision("text") as vision, vision.client() as client:
        with pytest.raises(AssertionError) as raised, vision.failing(["reset; id=never; after=5", "latency=0.01"]):
            client.analyze(blank_image())
        assert "never (kind=reset; after=5): too few calls match it, 1" in str(raised.value)
        assert "latency" not in str(raised.value)
        assert vision.faults.rules() == []
        with pytest.raises(AssertionError, match="no call matches it"), vision.failing("reset; digest=0123456789"):
            client.analyze(blank_image())


def test_faults_end_with_a_block_that_fails() -> None:
    with FakeVision("text") as vision:
        with pytest.raises(ZeroDivisionError), vision.failing("reset"):
            _ = 1 / 0
        assert vision.faults.rules() == []


def test_quotas_and_checks_are_those_of_the_service() -> None:
    with FakeVision("text", config=ServiceConfig(requests_per_s=1)) as vision, vision.client() as client:
        client.analyze(blank_image())
        with pytest.raises(ServiceError) as refused:
            client.analyze(blank_image(), timeout=0.5)
    assert refused.value.code is Code.RESOURCE_EXHAUSTED


def test_a_client_without_arguments_finds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YC_API_KEY", _SECRET)
    monkeypatch.setenv("VISION_GRPC_API", "ocr/v1")
    monkeypatch.delenv("VISION_GRPC_ENDPOINT", raising=False)
    with FakeVision("Hello world") as vision:
        with vision.environment(), VisionClient() as client:
            assert client.analyze(blank_image()).text == "Hello world"
        assert "authorization" not in vision.request.metadata
        assert vision.request.method.endswith("/BatchAnalyze")
    assert (os.environ["YC_API_KEY"], os.environ["VISION_GRPC_API"]) == (_SECRET, "ocr/v1")
    assert "VISION_GRPC_ENDPOINT" not in os.environ


def test_services_do_not_see_each_other() -> None:
    with FakeVision("one") as one, FakeVision("two") as two, one.client() as client, two.client() as other:
        one.faults.add("latency=0.01")
        assert (client.analyze(blank_image()).text, other.analyze(blank_image()).text) == ("one", "two")
        assert (len(one.requests), len(two.requests), two.faults.rules()) == (1, 1, [])


def test_a_real_engine_reads_what_is_there() -> None:
    with FakeVision(engine="tesseract") as vision, vision.client() as client:
        result = client.analyze(text_image("Total: 42\nHello world"), languages=["en"])
        assert result.text == "Total: 42\nHello world"
        assert vision.request.languages == ("en",)
        with pytest.raises(ValueError, match="an engine reads what is in the images"):
            vision.reads("something else")


def test_an_engine_that_there_is_not() -> None:
    with pytest.raises(ValueError, match="engine 'paddle' is neither scripted nor tesseract"):
        FakeVision(engine="paddle")  # type: ignore[arg-type]


def test_a_closed_service_is_away(tmp_path: Path) -> None:
    (tmp_path / "page.png").write_bytes(blank_image())
    vision = FakeVision("text")
    vision.close()
    vision.close()
    with pytest.raises(TransportError), vision.client() as client:
        client.analyze(tmp_path / "page.png", timeout=0.5)


class UnderUnittest(unittest.TestCase):
    """The same without pytest's fixtures."""

    def setUp(self) -> None:
        self.vision = FakeVision("Hello world")
        self.addCleanup(self.vision.close)
        self.enterContext(self.vision.environment())

    def test_code_that_makes_its_own_client(self) -> None:
        with VisionClient() as client:
            self.assertEqual(client.analyze(blank_image()).text, "Hello world")  # noqa: PT009

    def test_an_asynchronous_one(self) -> None:
        async def read() -> str:
            async with AsyncVisionClient() as client:
                return (await client.analyze(blank_image())).text

        self.assertEqual(asyncio.run(read()), "Hello world")  # noqa: PT009
