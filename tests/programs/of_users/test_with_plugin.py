"""Tests as users write them: those whose names end with `_wrong` are meant to fail."""

import asyncio
import os

import pytest

from vision_grpc import AsyncVisionClient, Code, VisionClient
from vision_grpc.testing import FakeVision, FaultStore, blank_image, text_image


def read_page(content: bytes) -> str:
    """Code of the user, which makes its own client."""
    with VisionClient() as client:
        return client.analyze(content, languages=["en"]).raise_for_error().text


def test_fixture(vision_service: FakeVision) -> None:
    vision_service.reads("Hello world")
    with vision_service.client() as client:
        assert client.analyze(blank_image()).text == "Hello world"
    assert vision_service.request.images == (blank_image(),)


def test_nothing_is_left_of_the_test_before(vision_service: FakeVision) -> None:
    assert (vision_service.requests, vision_service.faults.rules()) == ([], [])


@pytest.mark.vision_service("Total: 42")
def test_marker_and_environment(vision_environment: FakeVision) -> None:
    assert read_page(blank_image()) == "Total: 42"
    assert vision_environment.request.languages == ("en",)


def test_the_environment_is_as_before() -> None:
    assert "VISION_GRPC_ENDPOINT" not in os.environ


@pytest.mark.vision_service("Hello")
def test_in_an_event_loop(vision_environment: FakeVision) -> None:
    async def read() -> str:
        async with AsyncVisionClient() as client:
            return (await client.analyze(blank_image())).text

    assert asyncio.run(read()) == "Hello"
    assert len(vision_environment.requests) == 1


@pytest.mark.vision_service("Hello")
def test_faults(vision_environment: FakeVision, vision_faults: FaultStore) -> None:
    vision_faults.add("code=UNAVAILABLE; times=2")
    assert read_page(blank_image()) == "Hello"
    assert len(vision_environment.requests) == 3


@pytest.mark.vision_service("Hello")
def test_idle_faults_wrong(vision_environment: FakeVision, vision_faults: FaultStore) -> None:  # noqa: ARG001
    vision_faults.add(["latency=0.01", "reset; after=9; id=the-tenth"])
    assert read_page(blank_image()) == "Hello"


def test_nothing_said_wrong(vision_environment: FakeVision) -> None:  # noqa: ARG001
    read_page(blank_image())


@pytest.mark.vision_service(Code.NOT_FOUND)
def test_marker_wrong(vision_service: FakeVision) -> None:
    """The marker's argument is not an answer."""


@pytest.mark.parametrize("vision_service", ["tesseract"], indirect=True)
def test_real_engine(vision_environment: FakeVision) -> None:
    assert read_page(text_image("Hello world")) == "Hello world"
    assert vision_environment.request.transport == "grpc"


@pytest.mark.parametrize("number", range(8))
def test_many_at_once(vision_service: FakeVision, number: int) -> None:
    vision_service.reads(str(number))
    images = [blank_image(f"{number}-{page}") for page in range(20)]
    with vision_service.client() as client:
        assert {result.text for result in client.analyze_many(images)} == {str(number)}
    assert sorted(vision_service.images) == sorted(images)
