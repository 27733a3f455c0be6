"""HTTP as bytes on a real socket, for what clients of libraries do not do."""

import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from vision_grpc.local import LocalVision
from vision_grpc.local.ocr.scripted import ScriptedEngine
from vision_grpc.messages import TextAnnotation

PATH = "/vision/v1/batchAnalyze"
_FEATURE = {"type": "TEXT_DETECTION", "textDetectionConfig": {"languageCodes": ["en"]}}
SMALL_REQUEST = json.dumps({"analyzeSpecs": [{"content": "YQ==", "features": [_FEATURE]}]}).encode()
"""A valid request, for an engine that reads anything."""


def blank_engine() -> ScriptedEngine:
    """Return an engine to which each file is a blank page."""
    return ScriptedEngine(lambda _: TextAnnotation())


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401
        return json.loads(self.body)


def head(method: str = "POST", path: str = PATH, **headers: object) -> bytes:
    """Return the head of a request; in names of headers, an underscore stands for a hyphen."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in ({"host": "localhost"} | headers).items()]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode()


def post(body: bytes = SMALL_REQUEST, path: str = PATH, **headers: object) -> bytes:
    """Return a whole request."""
    return head("POST", path, content_length=len(body), **headers) + body


@contextmanager
def connect(vision: LocalVision, *, host: str | None = None) -> Iterator[socket.socket]:
    """Give a connection to the REST face."""
    address = urlsplit(vision.rest_endpoint)
    with socket.create_connection((host or str(address.hostname), address.port or 0), timeout=30) as connected:
        yield connected


def receive(connected: socket.socket, method: str = "POST") -> Answer:
    """Return the next answer on a connection."""
    with http.client.HTTPResponse(connected, method=method) as response:
        response.begin()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())


def ask(vision: LocalVision, request: bytes) -> Answer:
    """Return the answer to one request on a connection of its own."""
    with connect(vision) as connected:
        connected.sendall(request)
        return receive(connected)


def is_closed(connected: socket.socket) -> bool:
    """Wait until the service closes the connection; return whether it did so in an orderly way."""
    try:
        while connected.recv(65536):
            pass
    except ConnectionResetError:
        return False
    return True
