"""What importing the package does, and does not."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import vision_grpc

PROGRAM = Path(__file__).parent.parent / "programs" / "import_effects.py"


def effects(*names: str) -> dict[str, list[str]]:
    """Return what the program reports when it takes these public names."""
    finished = subprocess.run([sys.executable, PROGRAM, *names], capture_output=True, check=True)
    done: dict[str, list[str]] = json.loads(finished.stdout)
    return done


def test_import_alone_touches_nothing_and_loads_little() -> None:
    done = effects()
    assert done["sockets"] == []
    assert done["environment_readers"] == []
    assert not {"grpc", "google.protobuf", "http.client", "ssl"} & set(done["modules"])


def test_public_names_open_no_socket_and_read_no_environment() -> None:
    done = effects(*vision_grpc.__all__)
    assert "vision_grpc.client" in done["modules"]
    assert done["sockets"] == []
    assert [reader for reader in done["environment_readers"] if reader.startswith("vision_grpc")] == []


def test_public_names_load_no_extra_and_no_second_transport() -> None:
    done = effects(*vision_grpc.__all__)
    assert not {"click", "h11", "http.client", "PIL", "rich", "starlette", "tesserocr"} & set(done["modules"])


def test_clients_load_what_tapes_and_quotas_need_only_where_they_have_one() -> None:
    rooms = ("vision_grpc.tape", "vision_grpc.quota", "vision_grpc.session.recorder", "vision_grpc.session.quota_feed")
    assert [name for name in effects(*vision_grpc.__all__)["modules"] if name.startswith(rooms)] == []


def test_pure_python_protobuf_is_refused_in_one_clear_line() -> None:
    finished = subprocess.run(
        [sys.executable, "-c", "from vision_grpc import VisionClient"],
        env=os.environ | {"PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 1
    last_line = finished.stderr.splitlines()[-1]
    assert last_line.startswith("ImportError: vision_grpc needs the upb backend of protobuf")
    assert "Unset PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION" in last_line


def test_public_names_are_these() -> None:
    assert vision_grpc.__all__ == [
        "LATENCY_BOUNDS_S",
        "ApiEndpoints",
        "AsyncVisionClient",
        "AuthError",
        "Code",
        "DeadlineError",
        "Event",
        "Image",
        "ImageError",
        "ImageFailedError",
        "ImageResult",
        "InvalidRequestError",
        "Limits",
        "MachineError",
        "MemoryTuning",
        "PathError",
        "PendingOperation",
        "ProtocolError",
        "RequestTooLargeError",
        "RetryPolicy",
        "ServiceError",
        "Stats",
        "Stop",
        "Timeouts",
        "TransportError",
        "Violation",
        "VisionClient",
        "VisionError",
        "__version__",
        "auth",
        "from_json",
        "messages",
        "to_json",
        "tune_memory",
    ]
    assert dir(vision_grpc) == sorted(vision_grpc.__all__)


@pytest.mark.parametrize("name", vision_grpc.__all__)
def test_public_name_is_what_it_says(name: str) -> None:
    assert getattr(getattr(vision_grpc, name), "__name__", name).endswith(name)


def test_other_names_are_missing() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Visionclient'"):
        _ = vision_grpc.Visionclient
