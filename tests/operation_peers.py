"""Plain clients of the deferred calls of ocr/v1, over gRPC and over REST."""

import base64
import http.client
import json
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol
from urllib.parse import urlsplit

import grpc
import pytest
from images_in_bytes import png

from vision_grpc.codec.json import from_json
from vision_grpc.errors import Code
from vision_grpc.local import LocalVision
from vision_grpc.messages import (
    CancelOperationRequest,
    GetOperationRequest,
    GetRecognitionRequest,
    Operation,
    RecognizeTextRequest,
    RecognizeTextResponse,
)
from vision_grpc_pb.yandex.cloud.ai.ocr.v1.ocr_service_pb2_grpc import TextRecognitionAsyncServiceStub
from vision_grpc_pb.yandex.cloud.operation.operation_service_pb2_grpc import OperationServiceStub

WAIT_S = 60
NOT_READY = "operation data is not ready"


class CallError(Exception):
    """A call that failed."""

    def __init__(self, code: Code, message: str, pages: Sequence[RecognizeTextResponse] = ()) -> None:
        super().__init__(code, message)
        self.code, self.message, self.pages = code, message, pages


class Peer(Protocol):
    """A client without ours."""

    def submit(self, request: RecognizeTextRequest, **metadata: str) -> Operation: ...
    def fetch(self, operation_id: str, **metadata: str) -> list[RecognizeTextResponse]: ...
    def get(self, operation_id: str, **metadata: str) -> Operation: ...
    def cancel(self, operation_id: str, **metadata: str) -> Operation: ...


class GrpcPeer:
    """Plain gRPC."""

    def __init__(self, vision: LocalVision) -> None:
        self._endpoint = vision.grpc_endpoint

    def submit(self, request: RecognizeTextRequest, **metadata: str) -> Operation:
        return self._call(lambda channel: TextRecognitionAsyncServiceStub(channel).Recognize, request, metadata)

    def fetch(self, operation_id: str, **metadata: str) -> list[RecognizeTextResponse]:
        request = GetRecognitionRequest(operation_id=operation_id)
        pages: list[RecognizeTextResponse] = []
        with grpc.insecure_channel(self._endpoint, [("grpc.max_receive_message_length", -1)]) as channel:
            try:
                method = TextRecognitionAsyncServiceStub(channel).GetRecognition
                pages.extend(method(request, metadata=tuple(_named(metadata)), timeout=WAIT_S))
            except grpc.RpcError as error:
                raise CallError(Code[error.code().name], error.details() or "", pages) from error
        return pages

    def get(self, operation_id: str, **metadata: str) -> Operation:
        request = GetOperationRequest(operation_id=operation_id)
        return self._call(lambda channel: OperationServiceStub(channel).Get, request, metadata)

    def cancel(self, operation_id: str, **metadata: str) -> Operation:
        request = CancelOperationRequest(operation_id=operation_id)
        return self._call(lambda channel: OperationServiceStub(channel).Cancel, request, metadata)

    def _call(self, method: Callable[[grpc.Channel], Any], request: object, metadata: dict[str, str]) -> Operation:
        with grpc.insecure_channel(self._endpoint) as channel:
            try:
                answer: Operation = method(channel)(request, metadata=_named(metadata), timeout=WAIT_S)
            except grpc.RpcError as error:
                raise CallError(Code[error.code().name], error.details() or "") from error
            return answer


class RestPeer:
    """Plain HTTP."""

    def __init__(self, vision: LocalVision) -> None:
        self._address = urlsplit(vision.rest_endpoint).netloc

    def submit(self, request: RecognizeTextRequest, **metadata: str) -> Operation:
        content = base64.b64encode(request.content).decode()
        body = {"content": content, "mimeType": request.mime_type, "languageCodes": [*request.language_codes]}
        answer = self.ask("POST", "/ocr/v1/recognizeTextAsync", metadata, body | {"model": request.model})
        return from_json(answer, Operation)

    def fetch(self, operation_id: str, **metadata: str) -> list[RecognizeTextResponse]:
        answer = self.ask("GET", f"/ocr/v1/getRecognition?operationId={operation_id}", metadata)
        lines: list[dict[str, Any]] = [json.loads(line) for line in answer.splitlines()]
        pages = [
            from_json(json.dumps(line["result"]).encode(), RecognizeTextResponse) for line in lines if "result" in line
        ]
        if "error" in lines[-1]:
            raise CallError(Code(lines[-1]["error"]["grpcCode"]), lines[-1]["error"]["message"], pages)
        return pages

    def get(self, operation_id: str, **metadata: str) -> Operation:
        return from_json(self.ask("GET", f"/operations/{operation_id}", metadata), Operation)

    def cancel(self, operation_id: str, **metadata: str) -> Operation:
        return from_json(self.ask("GET", f"/operations/{operation_id}:cancel", metadata), Operation)

    def ask(self, verb: str, path: str, metadata: dict[str, str], body: object = None) -> bytes:
        connection = http.client.HTTPConnection(self._address, timeout=WAIT_S)
        connection.request(verb, path, None if body is None else json.dumps(body), dict(_named(metadata)))
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        if response.status == 200:
            return answer
        error = json.loads(answer)
        error = error.get("error", error)
        code = Code(error["grpcCode"] if "grpcCode" in error else error["code"])
        assert response.status == code.http_status
        raise CallError(code, error["message"])


def _named(metadata: dict[str, str]) -> list[tuple[str, str]]:
    return [(name.replace("_", "-"), value) for name, value in metadata.items()]


PeerOf = Callable[[LocalVision], Peer]


def wait_for(peer: Peer, operation_id: str, **metadata: str) -> Operation:
    """Return an operation that is done."""
    ends_at = time.monotonic() + WAIT_S
    while not (operation := peer.get(operation_id, **metadata)).done:
        assert time.monotonic() < ends_at
        time.sleep(0.005)
    return operation


def fails(call: Callable[[], object]) -> CallError:
    with pytest.raises(CallError) as caught:
        call()
    return caught.value


def fetch_when_ready(peer: Peer, operation_id: str) -> list[RecognizeTextResponse]:
    """Return the pages of an operation, which is asked for again and again until it is ready."""
    ends_at = time.monotonic() + WAIT_S
    while True:
        try:
            return peer.fetch(operation_id)
        except CallError as error:
            if error.message != NOT_READY or time.monotonic() > ends_at:
                raise
        time.sleep(0.01)


def small(number: int = 1) -> RecognizeTextRequest:
    return RecognizeTextRequest(content=png(number))
