"""All that is remembered of one call, as JSON and as images."""

import json
from hashlib import sha256
from typing import Any

from vision_grpc.codec.json import to_json
from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.page.record import Record
from vision_grpc.messages import AnalyzeSpec, BatchAnalyzeRequest

_KINDS = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}


def details(record: Record) -> bytes:
    """Return a call with its metadata, request and answer as JSON; in place of images stands where they can be had."""
    # Another thread forgets requests and answers.
    kept_request, kept_answer = record.request, record.answer
    request = None if kept_request is None else kept_request.message()
    head = {
        **record.row,
        "metadata": record.metadata,
        "files": [] if request is None else [_about(spec) for spec in request.analyze_specs],
        "sent_instead": None if record.sent is None else record.sent._asdict(),
    }
    answer = b"null" if kept_answer is None else to_json(kept_answer.message())
    shown = None if request is None else _without_images(request, record.id)
    # The answer may be megabytes, which are not read and written once more.
    return json.dumps({**head, "request": shown}).encode()[:-1] + b',"answer":' + answer + b"}"


def image_of(record: Record, number: int) -> bytes:
    """Return the file of an image of the request; they count from 0.

    Raises:
        ServiceError: there is no such image, or the request is not remembered.
    """
    request = BatchAnalyzeRequest() if record.request is None else record.request.message()
    if number >= len(request.analyze_specs):
        message = f"no image {number} of this call is remembered"
        raise ServiceError(Code.NOT_FOUND, message)
    return request.analyze_specs[number].content


def kind_of(content: bytes) -> str:
    """Return the media type of an image, by its first bytes: what a caller says about it may be anything."""
    return next((kind for start, kind in _KINDS.items() if content.startswith(start)), "application/octet-stream")


def _about(spec: AnalyzeSpec) -> dict[str, Any]:
    content = spec.content
    return {"bytes": len(content), "kind": kind_of(content), "sha256": sha256(content).hexdigest()}


def _without_images(request: BatchAnalyzeRequest, request_id: str) -> dict[str, Any]:
    slim = BatchAnalyzeRequest(folder_id=request.folder_id)
    for spec in request.analyze_specs:
        copied = slim.analyze_specs.add(mime_type=spec.mime_type, features=spec.features)
        if spec.WhichOneof("source") == "signature":
            copied.signature = spec.signature
    shown: dict[str, Any] = json.loads(to_json(slim))
    for number, spec in enumerate(request.analyze_specs):
        if spec.WhichOneof("source") == "content":
            place = f"/_vision/requests/{request_id}/images/{number}"
            shown["analyzeSpecs"][number] = {
                "content": f"{len(spec.content):,} bytes: {place}",
                **shown["analyzeSpecs"][number],
            }
    return shown
