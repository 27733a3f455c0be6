"""Bulk runs whose calls are refused for what all calls share: the credentials or the folder."""

from pathlib import Path

import pytest
from command_line import lines_of, options_to, run
from images_in_bytes import write_images
from scripted_service import Reply, answer, numbers_of, serve_grpc

from vision_grpc.errors import Code, ServiceError
from vision_grpc.messages import AnalyzeResult, BatchAnalyzeRequest, BatchAnalyzeResponse, Status

_CODES = pytest.mark.parametrize("code", [Code.UNAUTHENTICATED, Code.PERMISSION_DENIED])
_COUNT = 400


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_images(tmp_path / "scans", _COUNT)
    return tmp_path


@_CODES
def test_a_refusal_ends_the_run_and_the_same_command_goes_on(code: Code, folder: Path) -> None:
    most: list[int] = [64]
    refusal = ServiceError(code, "not with this key")
    answered: list[list[int]] = []

    def script(request: BatchAnalyzeRequest) -> Reply:
        numbers = numbers_of(request)
        if max(numbers) >= most[0]:
            return refusal
        answered.append(numbers)
        return answer(request)

    with serve_grpc(script) as service:
        command = ["analyze", *options_to(service.address), "-o", "out.jsonl", "scans"]
        cut = run(*command, cwd=folder)
        # On a busy machine calls have fewer than eight images, and one with the 64th may have some before it.
        sent, calls, images = len(service.requests), len(answered), sum(map(len, answered))
        refused = run(*command, cwd=folder)
        most[0] = _COUNT
        whole = run(*command, cwd=folder)
    # The calls in flight at the refusal are all that follow it, each perhaps with a fresh token.
    assert sent <= calls + 2 * 8
    assert (cut.code, refused.code, whole.code) == (1, 2, 0)
    assert len(cut.errors) == 1
    why = f"error: the service refused the credentials or the folder: {code.name}: not with this key"
    assert cut.errors[0].startswith(why)
    assert 64 - 8 < images <= 64
    assert f"read {images} of {_COUNT} images" in cut.stderr
    assert "not read" not in cut.stderr + refused.stderr + whole.stderr
    assert cut.complaints[-1].startswith("to go on: ")
    lines = lines_of(folder / "out.jsonl")
    assert [line["ok"] for line in lines] == [True] * _COUNT


@_CODES
def test_texts_before_a_refusal_are_kept(code: Code, folder: Path) -> None:
    answered: list[int] = []

    def script(request: BatchAnalyzeRequest) -> Reply:
        numbers = numbers_of(request)
        if max(numbers) >= 64:
            return ServiceError(code, "not with this key")
        answered.extend(numbers)
        return answer(request)

    with serve_grpc(script) as service:
        command = ["analyze", *options_to(service.address), "--format", "text", "-o", "out.txt"]
        cut = run(*command, "scans", cwd=folder)
        nothing = run(*command, "scans/0300.png", cwd=folder)
    assert (cut.code, nothing.code) == (1, 2)
    assert (folder / "out.txt.partial").read_text().count("==>") == len(answered) > 64 - 8
    assert not (folder / "out.txt").exists()
    assert nothing.complaints[0].startswith("error: the service refused the credentials or the folder: ")


def test_an_image_that_may_not_be_read_is_a_failure_of_its_own(folder: Path) -> None:
    denied = AnalyzeResult(error=Status(code=Code.PERMISSION_DENIED, message="not this one"))

    def script(request: BatchAnalyzeRequest) -> Reply:
        results = zip(numbers_of(request), answer(request).results, strict=True)
        return BatchAnalyzeResponse(results=[denied if number == 3 else result for number, result in results])

    with serve_grpc(script) as service:
        command = ["analyze", *options_to(service.address), "-o", "out.jsonl"]
        finished = run(*command, "scans", cwd=folder)
    assert finished.code == 1
    assert [line["key"] for line in lines_of(folder / "out.jsonl") if not line["ok"]] == ["scans/0003.png"]
    assert f"read {_COUNT - 1} of {_COUNT} images" in finished.stderr
