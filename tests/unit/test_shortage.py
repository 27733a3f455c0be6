"""What the machine lacks is a fault of the machine, which may pass, and not of an image or of the service."""

import errno
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from images_in_bytes import png

from vision_grpc import AsyncVisionClient, Code, VisionClient
from vision_grpc.auth import MetadataService, YcProfile, default
from vision_grpc.auth.default import find_surroundings, missing_credentials
from vision_grpc.config import RetryPolicy
from vision_grpc.errors import AuthError, MachineError
from vision_grpc.messages import AnalyzeResult, BatchAnalyzeRequest, BatchAnalyzeResponse
from vision_grpc.testing import MemoryTransport
from vision_grpc.threads import DaemonThreads

_SHORTAGES = [
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
    errno.ENOBUFS,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EIO,
    errno.ESTALE,
]


@pytest.fixture
def transport() -> MemoryTransport:
    def answer(request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
        return BatchAnalyzeResponse(results=[AnalyzeResult() for _ in request.analyze_specs])

    return MemoryTransport(answer)


@pytest.fixture
def without_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def refuse(_: threading.Thread) -> None:
        message = "can't start new thread"
        raise RuntimeError(message)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        yield


def _raise(error: BaseException) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> object:
        raise error

    return fail


@pytest.mark.parametrize("number", _SHORTAGES)
def test_an_image_that_the_machine_cannot_read_now_may_succeed_later(
    number: int, transport: MemoryTransport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(1))
    with VisionClient(transport=transport) as client:
        with monkeypatch.context() as patch:
            patch.setattr(Path, "open", _raise(OSError(number, os.strerror(number), str(path))))
            bad, good = client.analyze_many([path, png(2)], ordered=True)
        assert good.ok
        assert bad.error is not None
        assert bad.error.code is Code.UNAVAILABLE
        assert bad.error.retryable
        assert bad.error.message.startswith(f"{path}: cannot be read now: ")
        assert client.analyze(path).ok


def test_memory_is_one_of_the_things_that_a_machine_may_lack(
    transport: MemoryTransport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with VisionClient(transport=transport) as client, monkeypatch.context() as patch:
        patch.setattr(Path, "open", _raise(MemoryError()))
        error = client.analyze(tmp_path / "a.png").error
    assert error is not None
    assert error.retryable


@pytest.mark.usefixtures("without_threads")
@pytest.mark.parametrize("kind", ["grpc", "rest"])
def test_without_threads_each_image_has_an_error_and_the_stream_goes_on(kind: Any) -> None:  # noqa: ANN401 - a choice
    client = VisionClient("127.0.0.1:1", insecure=True, transport=kind, retry=RetryPolicy(attempts=1))
    for _ in range(2):
        results = list(client.analyze_many(map(png, range(20))))
        assert len(results) == 20
        for result in results:
            assert result.error is not None
            assert isinstance(result.error.cause, MachineError)
            assert result.error.retryable
    with pytest.raises(MachineError, match="no thread left"):
        client.analyze(png(1))
    client.close()


@pytest.mark.usefixtures("without_threads")
async def test_an_asynchronous_source_without_a_thread_loses_its_files_alone(
    transport: MemoryTransport, tmp_path: Path
) -> None:
    async def images() -> Any:  # noqa: ANN401 - an asynchronous iterator
        yield png(1)
        yield tmp_path / "a.png"

    async with AsyncVisionClient(transport=transport) as client:
        good, bad = [result async for result in client.analyze_many(images(), ordered=True)]
        assert good.ok
        assert bad.error is not None
        assert bad.error.retryable
        with pytest.raises(MachineError):
            [result async for result in client.analyze_many(iter([png(1)]))]


@pytest.mark.usefixtures("without_threads")
def test_threads_say_what_to_do() -> None:
    with pytest.raises(MachineError, match="ulimit -u"):
        DaemonThreads("test")


@pytest.mark.parametrize("fault", [RuntimeError("no home"), PermissionError(errno.EACCES, "Permission denied")])
def test_a_profile_that_cannot_be_looked_at_counts_as_absent(fault: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "expanduser" if isinstance(fault, RuntimeError) else "is_file", _raise(fault))
    monkeypatch.setattr(default, "_VENDOR", Path("/nowhere"))
    assert find_surroundings({}) is None
    assert isinstance(find_surroundings({"YC_METADATA_ADDR": "127.0.0.1:1"}), MetadataService)
    assert ("HOME" if isinstance(fault, RuntimeError) else "Permission denied") in str(missing_credentials({}))


def test_a_profile_that_cannot_be_read_leaves_it_to_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.yaml"
    config.touch()
    monkeypatch.setattr(default, "_VENDOR", Path("/nowhere"))
    monkeypatch.setattr(Path, "read_text", _raise(PermissionError(errno.EACCES, "Permission denied")))
    assert isinstance(find_surroundings({"YC_METADATA_ADDR": "127.0.0.1:1"}, config=config), MetadataService)
    with pytest.raises(AuthError, match="Permission denied"):
        find_surroundings({}, config=config)


def test_the_profile_of_a_user_without_a_home_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "expanduser", _raise(RuntimeError("no home")))
    with pytest.raises(AuthError, match="HOME"):
        YcProfile()
