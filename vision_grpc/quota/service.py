"""The service of a shared quota: a desk behind gRPC. It needs the extra `quota`."""

import errno
import os
import socket
import ssl
from pathlib import Path
from typing import Any, NoReturn

import grpc
import grpc.aio
from google.protobuf.message import DecodeError

from vision_grpc.errors import Code, InvalidRequestError, ServiceError, SettingError
from vision_grpc.network.endpoint import join_host_port
from vision_grpc.quota.desk import Desk
from vision_grpc.quota.messages import SERVICE, decode_reservation, encode_permits, encode_usage
from vision_grpc.quota.usage import Usage
from vision_grpc.texts.extras import need_extra
from vision_grpc.texts.quoting import quote_name

need_extra(__name__, "quota", "grpc_health")

from grpc_health.v1 import health, health_pb2, health_pb2_grpc

_OPTIONS = (
    # By default a second service would share the port, and each would hand out the whole quota.
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", 64 * 1024),
    # A host that vanished is noticed in seconds, and clients may look for this one as often. See quota/shared.py.
    ("grpc.keepalive_time_ms", 5_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 1_000),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 1_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.max_ping_strikes", 0),
)
_Context = grpc.aio.ServicerContext[Any, Any]
# A client has one call under way, so this is more than the ledger takes.
_MOST_CALLS = 20_000
# Answers to those who wait, once they are told to go on without, take no longer.
_FAREWELL_S = 0.5


class QuotaServer:
    """A gRPC server that hands out a quota, with health checks. It belongs to the event loop in which it starts.

    It speaks TLS where it gets a certificate chain and its private key, both of them PEM files.

    Raises:
        TypeError: a quota is not a number.
        ValueError: a quota is not above 0, or there is none.
        SettingError: the files are not such a pair.
    """

    def __init__(
        self,
        requests_per_s: float | None = None,
        images_per_s: float | None = None,
        *,
        tls_files: tuple[Path, Path] | None = None,
    ) -> None:
        self._desk = Desk(requests_per_s, images_per_s)
        self._credentials = None if tls_files is None else _credentials(*tls_files)
        self._server = grpc.aio.server(options=_OPTIONS, maximum_concurrent_rpcs=_MOST_CALLS)
        self._health = health.aio.HealthServicer()

    async def start(self, host: str, port: int) -> str:
        """Listen, and return the address as clients name it; port 0 takes any free port.

        Raises:
            SettingError: the port is in use, or the host is not an address of this machine.
        """
        handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
            "Reserve": grpc.unary_unary_rpc_method_handler(self._reserve),
            "GetUsage": grpc.unary_unary_rpc_method_handler(self._get_usage),
        }
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        try:
            bound = self._add_port(join_host_port(host, port))
        except RuntimeError as error:
            raise _cannot_listen(host, port) from error
        if bound == 0:
            raise _cannot_listen(host, port)
        for name in ("", SERVICE):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        await self._server.start()
        address = join_host_port(host, bound)
        return address if self._credentials is None else f"https://{address}"

    def _add_port(self, address: str) -> int:
        if self._credentials is None:
            return self._server.add_insecure_port(address)
        return self._server.add_secure_port(address, self._credentials)

    def usage(self) -> Usage:
        """Return who takes what."""
        return self._desk.usage()

    async def stop(self) -> None:
        """Let all clients go on without the service, and end."""
        await self._health.enter_graceful_shutdown()
        self._desk.close()
        await self._server.stop(_FAREWELL_S)

    async def _reserve(self, wire: bytes, context: _Context) -> bytes:
        try:
            return encode_permits(await self._desk.reserve(*decode_reservation(wire)))
        except (InvalidRequestError, DecodeError) as error:
            await _refuse(context, Code.INVALID_ARGUMENT, str(error))
        except ServiceError as error:
            await _refuse(context, error.code, error.message)

    async def _get_usage(self, _wire: bytes, _context: _Context) -> bytes:
        return encode_usage(self._desk.usage())


async def _refuse(context: _Context, code: Code, message: str) -> NoReturn:
    status = next(each for each in grpc.StatusCode if each.value[0] == code)
    await context.abort(status, message)


def _credentials(certificate: Path, key: Path) -> grpc.ServerCredentials:
    for file in (certificate, key):
        if not file.is_file():  # A pipe may never end, and can be read only once.
            message = f"{quote_name(file)} is not a file: name a PEM file"
            raise SettingError(message)
    try:
        # gRPC does not say what is wrong. Without a function OpenSSL asks for a pass phrase on the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: "")
        return grpc.ssl_server_credentials([(key.read_bytes(), certificate.read_bytes())])
    except OSError as error:
        names = f"{quote_name(certificate)} and {quote_name(key)}"
        reason = "" if isinstance(error, ssl.SSLError) else f" ({error.strerror})"
        message = f"{names} are not a PEM certificate chain and its private key, without a pass phrase{reason}"
        raise SettingError(message) from error


def _cannot_listen(host: str, port: int) -> SettingError:
    """Return why: gRPC does not say it."""
    address = join_host_port(host, port)
    try:
        family, *_, address_there = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        socket.create_server(address_there, family=family).close()
    except (OSError, UnicodeError) as error:
        number = getattr(error, "errno", None)
        is_of_port = number in {errno.EADDRINUSE, errno.EACCES, errno.EPERM}
        is_no_host = isinstance(error, UnicodeError | socket.gaierror)
        reason = "there is no such host" if is_no_host else os.strerror(number or 0)
        fix = "free the port or choose another (0 takes any)" if is_of_port else "name an address of this machine"
        return SettingError(f"cannot listen on {address}: {reason}; {fix}")
    return SettingError(f"cannot listen on {address}: it was in use just now")
