"""Tasks of Celery that read images; their results are JSON, which every backend and language takes.

celery --app celery_tasks worker --pool prefork
"""

import os
from functools import cache
from typing import Any

from celery import Celery  # type: ignore[import-untyped]

from vision_grpc import VisionClient

app = Celery("ocr", broker=os.environ.get("BROKER", "memory://"), backend=os.environ.get("BACKEND", "cache+memory://"))


@cache
def client() -> VisionClient:
    """Return the client of this worker process."""
    return VisionClient()


@app.task  # type: ignore[untyped-decorator]
def read(path: str) -> dict[str, Any]:
    """Return what is on an image as plain values: text, words, boxes, or the error."""
    return client().analyze(path, languages=["*"]).to_dict()
