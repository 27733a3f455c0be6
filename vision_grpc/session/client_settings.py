"""The settings of a client as keyword arguments, for functions that make one."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypedDict

from vision_grpc.api.choice import ApiName
from vision_grpc.auth import Credentials
from vision_grpc.cloud.discovery import ApiEndpoints
from vision_grpc.config import Limits, RetryPolicy, Timeouts
from vision_grpc.events import Event
from vision_grpc.network.tls import Pem
from vision_grpc.transport import Transport
from vision_grpc.transport.connect import TransportChoice

if TYPE_CHECKING:
    from os import PathLike

    from vision_grpc.quota import Quota
    from vision_grpc.tape import Tape


class ClientSettings(TypedDict, total=False):
    """The arguments of a client, all of which may be left out; `Session` says what they are."""

    endpoint: str | ApiEndpoints | None
    transport: TransportChoice | Transport | None
    credentials: Credentials | None
    api: ApiName | None
    folder_id: str | None
    root_certificates: Pem | None
    client_certificate: tuple[Pem, Pem] | None
    server_name: str | None
    insecure: bool
    data_logging: bool | None
    metadata: Mapping[str, str] | None
    limits: Limits
    retry: RetryPolicy
    timeouts: Timeouts
    on_event: Callable[[Event], None] | None
    cache: "str | PathLike[str] | Tape | None"
    quota: "Quota | None"
