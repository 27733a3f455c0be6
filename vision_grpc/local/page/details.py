"""All that is remembered of one call, as JSON and as images."""

import json
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from google.protobuf.message import Message

from vision_grpc.codec.json import to_json
from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.calls.images import images_of
from vision_grpc.local.calls.method import Method
from vision_grpc.local.page.record import Record
from vision_grpc.messages import BatchAnalyzeRequest, RecognizeTextRequest

_KINDS = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png", b"%PDF": "application/pdf"}


def details(record: Record, method: Method | None = None) -> bytes:
    """Return a call with its metadata, request and answer as JSON; in place of images stands where they can be had.

    `rest` says how the call is made over REST, null for a call of a method that is not given or has no path there.
    """
    # Another thread forgets requests and answers.
    kept_request, kept_answer = record.request, record.answer
    request = None if kept_request is None else kept_request.message()
    head = {
        **record.row,
        "metadata": record.metadata,
        "files": [_about(image) for image in images_of(request)],
        "sent_instead": None if record.sent is None else record.sent._asdict(),
        "rest": None if method is None or request is None else _in_rest(method, request),
    }
    answer = b"null" if kept_answer is None else kept_answer.to_json()
    shown = None if request is None else _without_images(request, record.id)
    # The answer may be megabytes, which are not read and written once more.
    return json.dumps({**head, "request": shown}).encode()[:-1] + b',"answer":' + answer + b"}"


def image_of(record: Record, number: int) -> bytes:
    """Return the file of an image of the request; they count from 0.

    Raises:
        ServiceError: there is no such image, or the request is not remembered.
    """
    images = images_of(None if record.request is None else record.request.message())
    if number >= len(images):
        message = f"no image {number} of this call is remembered"
        raise ServiceError(Code.NOT_FOUND, message)
    return images[number]


def kind_of(content: bytes) -> str:
    """Return the media type of a file, by its first bytes: what a caller says about it may be anything."""
    return next((kind for start, kind in _KINDS.items() if content.startswith(start)), "application/octet-stream")


def _about(content: bytes) -> dict[str, Any]:
    return {"bytes": len(content), "kind": kind_of(content), "sha256": sha256(content).hexdigest()}


def _in_rest(method: Method, request: Message) -> dict[str, str] | None:
    if not method.http_path:
        return None
    path = method.http_path
    if method.http_verb == "GET":
        fields = {field.name: (field.json_name, value) for field, value in request.ListFields()}
        for name in [name for name in fields if f"{{{name}}}" in path]:
            path = path.replace(f"{{{name}}}", fields.pop(name)[1])
        path += f"?{urlencode(dict(fields.values()))}" if fields else ""
    return {"verb": method.http_verb, "path": path}


def _without_images(request: Message, request_id: str) -> dict[str, Any]:
    """Return a request as JSON, in which places stand for the bytes of its images."""
    images = images_of(request)
    if isinstance(request, RecognizeTextRequest):
        others = RecognizeTextRequest(
            mime_type=request.mime_type, language_codes=request.language_codes, model=request.model
        )
        return {"content": _place(request_id, 0, images[0]), **json.loads(to_json(others))}
    if not isinstance(request, BatchAnalyzeRequest):
        told: dict[str, Any] = json.loads(to_json(request))
        return told
    slim = BatchAnalyzeRequest(folder_id=request.folder_id)
    for spec in request.analyze_specs:
        copied = slim.analyze_specs.add(mime_type=spec.mime_type, features=spec.features)
        if spec.WhichOneof("source") == "signature":
            copied.signature = spec.signature
    shown: dict[str, Any] = json.loads(to_json(slim))
    for number, spec in enumerate(request.analyze_specs):
        if spec.WhichOneof("source") == "content":
            content = _place(request_id, number, spec.content)
            shown["analyzeSpecs"][number] = {"content": content, **shown["analyzeSpecs"][number]}
    return shown


def _place(request_id: str, number: int, content: bytes) -> str:
    return f"{len(content):,} bytes: /_vision/requests/{request_id}/images/{number}"
