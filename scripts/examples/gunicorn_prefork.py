"""A WSGI service under gunicorn's forked workers: each worker has a client of its own.

gunicorn --preload --workers 4 gunicorn_prefork:app
curl --data-binary @scan.png http://127.0.0.1:8000
"""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from vision_grpc import VisionClient, VisionError


@cache
def client() -> VisionClient:
    """Return the client of this worker, made at its first request: gRPC's threads do not survive a fork."""
    return VisionClient()


def app(environ: dict[str, Any], start_response: Callable[[str, list[tuple[str, str]]], object]) -> Iterable[bytes]:
    """Answer an image with its text, or with why there is none."""
    content = environ["wsgi.input"].read()  # gunicorn ends it with the body.
    try:
        result = client().analyze(content, languages=["*"])
    except VisionError as error:
        status, text = "503 Service Unavailable", str(error)
    else:
        status, text = "200 OK", result.text
        if result.error is not None:
            status = "503 Service Unavailable" if result.error.retryable else "422 Unprocessable Content"
            text = str(result.error)
    start_response(status, [("content-type", "text/plain; charset=utf-8")])
    return [text.encode()]
