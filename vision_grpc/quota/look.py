"""A look at a running service of a quota: who takes what."""

from contextlib import closing
from typing import cast

import grpc
from google.protobuf.message import DecodeError

from vision_grpc.errors import TransportError
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.tls import Pem
from vision_grpc.quota.address import parse_address, parse_trust
from vision_grpc.quota.connection import Connection
from vision_grpc.quota.messages import GET_USAGE, decode_usage, encode_usage_request
from vision_grpc.quota.remote import last_words
from vision_grpc.quota.usage import Usage


def look_at_usage(address: str, *, root_certificates: Pem | None = None, timeout_s: float = 5.0) -> Usage:
    """Return who takes what of the quota of a service at `host:port`, or at `https://host:port`.

    Raises:
        SettingError: the address is not of that form, or the certificates cannot be read.
        TransportError: the service was not reached, or it is another one.
    """
    endpoint = parse_address(address)
    with closing(Connection(endpoint, parse_trust(endpoint, root_certificates))) as connection:
        call = connection.start(GET_USAGE, encode_usage_request(), timeout_s)
        call.has_ended(None)
        try:
            return decode_usage(call.answer())
        except grpc.RpcError as error:
            failure = cast("grpc.Call", error)
            if failure.code() is grpc.StatusCode.UNIMPLEMENTED:
                raise _another(endpoint) from error
            message = f"no quota service was reached at {endpoint.target}: {last_words(failure)}"
            raise TransportError(message) from error
        except DecodeError:
            raise _another(endpoint) from None


def _another(endpoint: Endpoint) -> TransportError:
    return TransportError(f"what runs at {endpoint.target} is not a service of `vision-grpc quota`")
