"""The tests of `fastapi_service.py`: `pytest` with `vision-grpc[local]` installed needs nothing else."""

from fastapi.testclient import TestClient
from fastapi_service import app

from vision_grpc import Code
from vision_grpc.testing import FakeVision, FaultStore, blank_image


def test_a_page_is_read(vision_environment: FakeVision) -> None:
    """The application makes its own client, which finds the fake service."""
    vision_environment.reads("Total: 42")
    with TestClient(app) as web:
        answer = web.post("/pages", files={"page": blank_image()})
    assert answer.json()["text"] == "Total: 42"
    assert vision_environment.request.languages == ("ru", "en")


def test_a_file_that_is_no_page(vision_environment: FakeVision) -> None:
    """An error of the image is the sender's."""
    vision_environment.fails(Code.INVALID_ARGUMENT, "no picture in it")
    with TestClient(app) as web:
        answer = web.post("/pages", files={"page": blank_image()})
    assert (answer.status_code, answer.json()["detail"]) == (422, "no picture in it")


def test_a_busy_service_is_asked_again(vision_environment: FakeVision, vision_faults: FaultStore) -> None:
    """Two refusals are survived, and the third attempt has the text."""
    vision_environment.reads("Total: 42")
    vision_faults.add("code=UNAVAILABLE; times=2")
    with TestClient(app) as web:
        assert web.post("/pages", files={"page": blank_image()}).status_code == 200
    assert len(vision_environment.requests) == 3
