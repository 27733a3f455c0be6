"""The cloud's IAM and endpoint services over gRPC, as far as clients of Vision need them."""

from collections.abc import Callable
from typing import NoReturn

import grpc

from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.cloud.endpoints import get_endpoint, list_endpoints
from vision_grpc.local.cloud.iam import Identities
from vision_grpc.local.faces.grpc_call import answer_call
from vision_grpc.messages import (
    ApiEndpoint,
    CreateIamTokenForServiceAccountRequest,
    CreateIamTokenRequest,
    CreateIamTokenResponse,
    GetApiEndpointRequest,
    ListApiEndpointsRequest,
    ListApiEndpointsResponse,
    RevokeIamTokenRequest,
    RevokeIamTokenResponse,
)
from vision_grpc_pb.yandex.cloud.endpoint import api_endpoint_service_pb2, api_endpoint_service_pb2_grpc
from vision_grpc_pb.yandex.cloud.iam.v1 import iam_token_service_pb2, iam_token_service_pb2_grpc

MODULES = (iam_token_service_pb2, api_endpoint_service_pb2)
"""The generated modules of these services, for reflection."""

SERVICE_NAMES: tuple[str, ...] = tuple(
    service.full_name for module in MODULES for service in module.DESCRIPTOR.services_by_name.values()
)


def add_cloud(server: grpc.Server, identities: Identities, address: Callable[[], str]) -> None:
    """Add both services to a server. Tokens are given for `identities`; each service of the cloud is at `address`."""
    iam_token_service_pb2_grpc.add_IamTokenServiceServicer_to_server(_Tokens(identities), server)
    api_endpoint_service_pb2_grpc.add_ApiEndpointServiceServicer_to_server(_Endpoints(address), server)


class _Tokens(iam_token_service_pb2_grpc.IamTokenServiceServicer):
    def __init__(self, identities: Identities) -> None:
        self._identities = identities

    def Create(self, request: CreateIamTokenRequest, context: grpc.ServicerContext) -> CreateIamTokenResponse:  # noqa: N802
        return answer_call(context, lambda: self._identities.create_token(request))

    def CreateForServiceAccount(  # noqa: N802
        self,
        request: CreateIamTokenForServiceAccountRequest,  # noqa: ARG002
        context: grpc.ServicerContext,
    ) -> CreateIamTokenResponse:
        return answer_call(context, _not_supported)

    def Revoke(self, request: RevokeIamTokenRequest, context: grpc.ServicerContext) -> RevokeIamTokenResponse:  # noqa: ARG002, N802
        return answer_call(context, _not_supported)


def _not_supported() -> NoReturn:
    message = "the local service does not support this method"
    raise ServiceError(Code.UNIMPLEMENTED, message)


class _Endpoints(api_endpoint_service_pb2_grpc.ApiEndpointServiceServicer):
    def __init__(self, address: Callable[[], str]) -> None:
        self._address = address

    def Get(self, request: GetApiEndpointRequest, context: grpc.ServicerContext) -> ApiEndpoint:  # noqa: N802
        return answer_call(context, lambda: get_endpoint(request.api_endpoint_id, self._address()))

    def List(  # noqa: N802
        self,
        request: ListApiEndpointsRequest,  # noqa: ARG002 - there is only one page
        context: grpc.ServicerContext,
    ) -> ListApiEndpointsResponse:
        return answer_call(context, lambda: list_endpoints(self._address()))
