"""The worker of scripts/examples/kubernetes as a pod runs it: with a shared quota, a tape and an object store."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Lock

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from images_in_bytes import png
from pyarrow.fs import FileSystem
from s3_buckets import Bucket

from vision_grpc.local import LocalVision
from vision_grpc.local.ocr.scripted import ScriptedEngine
from vision_grpc.messages import TextAnnotation
from vision_grpc.testing import text_annotation

pytestmark = pytest.mark.environment

_WORKER = Path(__file__).parents[2] / "scripts" / "examples" / "kubernetes" / "read_shard.py"
_ROWS = 300


class Reader:
    """Reads images, and counts them."""

    def __init__(self) -> None:
        self.images: list[bytes] = []
        self.has_begun = Event()
        self._lock = Lock()

    def __call__(self, image: bytes) -> TextAnnotation:
        with self._lock:
            self.images.append(image)
        self.has_begun.set()
        return text_annotation("Hello world")


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    """What reads the images of a service, which is in place of the real one."""
    reader = Reader()
    with LocalVision(engine=ScriptedEngine(reader)) as vision:
        monkeypatch.setenv("VISION_GRPC_ENDPOINT", f"http://{vision.grpc_endpoint}")
        yield reader


@pytest.fixture
def shard(bucket: Bucket, reader: Reader, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a shard, in the environment of a pod."""
    del reader
    table = pa.table({"key": [*map(str, range(_ROWS))], "image": [*map(png, range(_ROWS))]})
    file = pa.BufferOutputStream()
    pq.write_table(table, file, row_group_size=64)
    monkeypatch.setenv("TAPE", f"{bucket.url}/tape")
    command = [sys.executable, "-m", "vision_grpc", "quota", "--rps", "500", "--port", "0"]
    service = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert service.stdout is not None
    monkeypatch.setenv("QUOTA", json.loads(service.stdout.readline())["address"])
    yield bucket.put("shards/0.parquet", file.getvalue().to_pybytes())
    service.terminate()
    service.wait()
    service.stdout.close()


def _start(shard: str) -> tuple["subprocess.Popen[bytes]", str]:
    target = shard.replace("/shards/", "/results/")
    return subprocess.Popen([sys.executable, _WORKER, shard, target]), target


def _transports(target: str) -> list[str]:
    store, path = FileSystem.from_uri(target)
    table = pq.read_table(path, filesystem=store)
    assert table["key"].to_pylist() == [*map(str, range(_ROWS))]
    assert set(table["text"].to_pylist()) == {"Hello world"}
    transports: list[str] = table["transport"].to_pylist()
    return transports


def test_a_shard_that_is_read_again_costs_nothing(shard: str, reader: Reader) -> None:
    for transports in ({"grpc"}, {"tape"}):
        worker, target = _start(shard)
        assert worker.wait() == 0
        assert set(_transports(target)) == transports
    assert len(reader.images) == len({*reader.images}) == _ROWS


def test_a_pod_that_is_asked_to_end_leaves_nothing_to_repeat(shard: str, reader: Reader) -> None:
    worker, target = _start(shard)
    reader.has_begun.wait()
    worker.send_signal(signal.SIGTERM)
    assert worker.wait() == 128 + signal.SIGTERM
    store, path = FileSystem.from_uri(target)
    assert not store.get_file_info(path).is_file
    assert len(reader.images) < _ROWS
    worker, target = _start(shard)
    assert worker.wait() == 0
    assert {*_transports(target)} == {"grpc", "tape"}
    assert len(reader.images) == len({*reader.images}) == _ROWS
