"""A WSGI service under gunicorn's forked workers: each worker has a client of its own.

gunicorn --preload --workers 4 gunicorn_prefork:app
curl --data-binary @scan.png http://127.0.0.1:8000
"""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from vision_grpc import VisionClient


@cache
def client() -> VisionClient:
    """Return the client of this worker, made at its first request: gRPC's threads do not survive a fork."""
    return VisionClient()


def app(environ: dict[str, Any], start_response: Callable[[str, list[tuple[str, str]]], object]) -> Iterable[bytes]:
    """Answer an image with its text."""
    content = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    result = client().analyze(content, languages=["*"])
    if result.error is not None:
        start_response("422 Unprocessable Content", [("content-type", "text/plain; charset=utf-8")])
        return [str(result.error).encode()]
    start_response("200 OK", [("content-type", "text/plain; charset=utf-8")])
    return [result.text.encode()]
