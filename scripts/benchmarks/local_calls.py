"""Calls to the local service, by gRPC and by http.client alone."""

import http.client
from collections.abc import Callable
from contextlib import ExitStack
from urllib.parse import urlsplit

import grpc

from vision_grpc.codec.json import to_json
from vision_grpc.contract.method import BATCH_ANALYZE, grpc_path_of, http_rule_of
from vision_grpc.messages import (
    AnalyzeSpec,
    BatchAnalyzeRequest,
    BatchAnalyzeResponse,
    Feature,
    FeatureTextDetectionConfig,
)

JPEG = b"\xff\xd8"
"""What begins a file that the service gives to its engine."""
BATCH = 8
"""The images of a call."""

Call = Callable[[BatchAnalyzeRequest], object]


def request_of(content: bytes, images: int = BATCH) -> BatchAnalyzeRequest:
    """Return a request to read the same image several times."""
    config = FeatureTextDetectionConfig(language_codes=["en"])
    feature = Feature(type=Feature.TEXT_DETECTION, text_detection_config=config)
    return BatchAnalyzeRequest(analyze_specs=[AnalyzeSpec(content=content, features=[feature])] * images)


def over_grpc(endpoint: str, stack: ExitStack) -> Call:
    """Return what calls over a gRPC channel, which is open as long as the stack."""
    channel = stack.enter_context(grpc.insecure_channel(endpoint))
    return channel.unary_unary(
        grpc_path_of(BATCH_ANALYZE),
        request_serializer=BatchAnalyzeRequest.SerializeToString,
        response_deserializer=BatchAnalyzeResponse.FromString,
    )


def over_rest(endpoint: str, stack: ExitStack) -> Call:
    """Return what calls over an HTTP connection, which is open as long as the stack."""
    connection = http.client.HTTPConnection(urlsplit(endpoint).netloc)
    stack.callback(connection.close)

    def call(request: BatchAnalyzeRequest) -> None:
        connection.request("POST", http_rule_of(BATCH_ANALYZE).post, to_json(request))
        answer = connection.getresponse()
        if answer.status != http.client.OK or not answer.read():
            message = f"the service answered {answer.status}"
            raise RuntimeError(message)

    return call
