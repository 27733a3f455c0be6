"""The cloud's IAM and endpoint services over gRPC, as far as clients of Vision need them."""

from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message

from vision_grpc.contract.method import grpc_path_of
from vision_grpc.local.calls.call import Call
from vision_grpc.local.calls.method import Method
from vision_grpc.local.cloud.endpoints import get_endpoint, list_endpoints
from vision_grpc.local.cloud.iam import Identities
from vision_grpc.messages import (
    ApiEndpoint,
    CreateIamTokenRequest,
    CreateIamTokenResponse,
    GetApiEndpointRequest,
    ListApiEndpointsRequest,
    ListApiEndpointsResponse,
)
from vision_grpc_pb.yandex.cloud.endpoint import api_endpoint_service_pb2
from vision_grpc_pb.yandex.cloud.iam.v1 import iam_token_service_pb2

_TOKENS: ServiceDescriptor = iam_token_service_pb2.DESCRIPTOR.services_by_name["IamTokenService"]
_ENDPOINTS: ServiceDescriptor = api_endpoint_service_pb2.DESCRIPTOR.services_by_name["ApiEndpointService"]


def cloud_methods(identities: Identities, address: Callable[[], str]) -> list[Method]:
    """Return the methods that are supported. Tokens are given for `identities`; each service is at `address`."""

    async def create(request: CreateIamTokenRequest, _: Call) -> CreateIamTokenResponse:
        return identities.create_token(request)

    async def get(request: GetApiEndpointRequest, _: Call) -> ApiEndpoint:
        return get_endpoint(request.api_endpoint_id, address())

    async def list_all(_: ListApiEndpointsRequest, __: Call) -> ListApiEndpointsResponse:
        # There is only one page.
        return list_endpoints(address())

    return [
        _method(_TOKENS, "Create", CreateIamTokenRequest, create),
        _method(_ENDPOINTS, "Get", GetApiEndpointRequest, get),
        _method(_ENDPOINTS, "List", ListApiEndpointsRequest, list_all),
    ]


def _method(
    service: ServiceDescriptor,
    name: str,
    request_class: type[Message],
    handle: Callable[[Any, Call], Awaitable[Message]],
) -> Method:
    path = grpc_path_of(service.methods_by_name[name])
    # Over REST they have routes of their own.
    return Method(path, "", request_class, handle, needs_credentials=False)
