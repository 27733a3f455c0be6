"""The one method of the contract, as its descriptor tells it."""

from vision_grpc.contract.http_rule import http_rule_of
from vision_grpc.errors import ProtocolError
from vision_grpc.messages import BatchAnalyzeRequest, BatchAnalyzeResponse
from vision_grpc_pb.yandex.cloud.ai.vision.v1 import vision_service_pb2

Headers = tuple[tuple[str, str], ...]
"""What goes with each call beyond what every call has: metadata in gRPC, headers in REST."""

_SERVICE = vision_service_pb2.DESCRIPTOR.services_by_name["VisionService"]
_METHOD = _SERVICE.methods_by_name["BatchAnalyze"]

SERVICE_NAME: str = _SERVICE.full_name

METHOD_PATH = f"/{_SERVICE.full_name}/{_METHOD.name}"
"""Path of the method in gRPC."""

REST_PATH: str = http_rule_of(_METHOD).post
"""Path of the method in REST."""


def check_result_count(request: BatchAnalyzeRequest, response: BatchAnalyzeResponse) -> None:
    """Pass an answer that has one result per image: results are known by their position alone.

    Raises:
        ProtocolError: it has fewer or more.
    """
    sent, got = len(request.analyze_specs), len(response.results)
    if sent != got:
        message = f"the answer has {got} results for {sent} images: no result can be told whose it is"
        raise ProtocolError(message)
