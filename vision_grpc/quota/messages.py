"""What the service of a quota says on the wire: its messages, and how they are made and read."""

from vision_grpc.quota.desk import Permits
from vision_grpc.quota.usage import ClientUsage, Usage
from vision_grpc_pb.google.protobuf.duration_pb2 import Duration
from vision_grpc_pb.vision_grpc.quota.v1.quota_service_pb2 import (
    DESCRIPTOR,
    GetUsageRequest,
    GetUsageResponse,
    ReserveRequest,
    ReserveResponse,
)
from vision_grpc_pb.vision_grpc.quota.v1.quota_service_pb2 import ClientUsage as ClientUsageMessage

SERVICE = DESCRIPTOR.services_by_name["QuotaService"].full_name
RESERVE = f"/{SERVICE}/Reserve"
GET_USAGE = f"/{SERVICE}/GetUsage"

_NANO = 1_000_000_000
_MOST_CLIENTS = 1000


def encode_reservation(client: str, requests: int, images: int) -> bytes:
    """Return a request for permits."""
    return ReserveRequest(client=client, requests=requests, images=images).SerializeToString()


def decode_reservation(wire: bytes) -> tuple[str, int, int]:
    """Return the client, the requests and the images that a request for permits names.

    Raises:
        google.protobuf.message.DecodeError: the bytes are not one.
    """
    request = ReserveRequest.FromString(wire)
    return request.client, request.requests, request.images


def encode_permits(permits: Permits) -> bytes:
    """Return the answer to it."""
    return ReserveResponse(
        waits=[_duration(wait_s) for wait_s in permits.waits_s],
        held=_duration(permits.held_s),
        requests_per_second=permits.requests_per_s,
        images_per_second=permits.images_per_s,
        images=permits.images,
    ).SerializeToString()


def decode_permits(wire: bytes) -> Permits:
    """Return what an answer says; raises as `decode_reservation`."""
    answer = ReserveResponse.FromString(wire)
    return Permits(
        waits_s=[seconds_of(wait) for wait in answer.waits],
        held_s=seconds_of(answer.held),
        requests_per_s=answer.requests_per_second if answer.HasField("requests_per_second") else None,
        images_per_s=answer.images_per_second if answer.HasField("images_per_second") else None,
        images=answer.images,
    )


def encode_usage(usage: Usage) -> bytes:
    """Return who takes what, with the names of as many clients as people look at."""
    named, others = usage.clients[:_MOST_CLIENTS], usage.clients[_MOST_CLIENTS:]
    return GetUsageResponse(
        requests_per_second=usage.requests_per_s,
        images_per_second=usage.images_per_s,
        up=_duration(usage.up_s),
        clients=[
            ClientUsageMessage(
                client=each.client,
                requests=each.requests,
                images=each.images,
                requests_per_second=each.requests_per_s,
                images_per_second=each.images_per_s,
                waiting_requests=each.waiting,
            )
            for each in named
        ],
        other_requests=usage.other_requests + sum(each.requests for each in others),
        other_images=usage.other_images + sum(each.images for each in others),
    ).SerializeToString()


def decode_usage(wire: bytes) -> Usage:
    """Return who takes what; raises as `decode_reservation`."""
    answer = GetUsageResponse.FromString(wire)
    return Usage(
        requests_per_s=answer.requests_per_second if answer.HasField("requests_per_second") else None,
        images_per_s=answer.images_per_second if answer.HasField("images_per_second") else None,
        up_s=seconds_of(answer.up),
        clients=[
            ClientUsage(
                client=each.client,
                requests=each.requests,
                images=each.images,
                requests_per_s=each.requests_per_second,
                images_per_s=each.images_per_second,
                waiting=each.waiting_requests,
            )
            for each in answer.clients
        ],
        other_requests=answer.other_requests,
        other_images=answer.other_images,
    )


def encode_usage_request() -> bytes:
    """Return the request for who takes what."""
    return GetUsageRequest().SerializeToString()


def seconds_of(duration: Duration) -> float:
    """Return a duration in seconds."""
    return float(duration.seconds) + float(duration.nanos) / _NANO


def _duration(seconds: float) -> Duration:
    whole, nanos = divmod(round(seconds * _NANO), _NANO)
    return Duration(seconds=whole, nanos=nanos)
