"""The service that a command calls, or starts."""

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vision_grpc.config import Timeouts
from vision_grpc.errors import AuthError

if TYPE_CHECKING:
    from vision_grpc.client import VisionClient
    from vision_grpc.local import Identities, LocalVision
    from vision_grpc.transport.connect import TransportChoice


@contextmanager
def connect(
    *,
    local: bool,
    endpoint: str | None,
    transport: "TransportChoice | None",
    insecure: bool,
    root_certificates: Path | None,
    folder_id: str | None,
    timeout_s: float,
) -> Generator["VisionClient"]:
    """Give a client of the service that the options name; a local one lives as long as the context.

    Raises:
        click.ClickException: the options do not go together or are malformed.
        AuthError: there are no credentials.
        LocalServiceError: the local service cannot start here.
    """
    from vision_grpc.auth import Anonymous
    from vision_grpc.client import VisionClient

    credentials = None
    with ExitStack() as stack:
        if local:
            vision = stack.enter_context(start_local())
            endpoint = vision.rest_endpoint if transport == "rest" else vision.grpc_endpoint
            insecure, credentials = True, Anonymous()
        try:
            client = VisionClient(
                endpoint,
                transport=transport,
                credentials=credentials,
                folder_id=folder_id,
                root_certificates=root_certificates,
                insecure=insecure,
                timeouts=Timeouts(call_s=timeout_s),
            )
        except AuthError as error:
            error.add_note("to try it without an account, use --local")
            raise
        except ValueError as error:
            raise click.ClickException(str(error)) from error
        yield stack.enter_context(client)


def start_local(
    *,
    host: str = "127.0.0.1",
    grpc_port: int = 0,
    rest_port: int = 0,
    tls_certificate: Path | None = None,
    tls_key: Path | None = None,
    identities: "Identities | None" = None,
) -> "LocalVision":
    """Return a local service that answers already.

    Raises:
        click.ClickException: the extra `local` is not installed.
        LocalServiceError: it cannot start here.
    """
    try:
        from vision_grpc.local import LocalVision
    except ImportError as error:
        # The package's own explanation comes without a module's name; with one, an import broke.
        if error.name is not None:
            raise
        raise click.ClickException(str(error)) from error
    return LocalVision(
        host=host,
        grpc_port=grpc_port,
        rest_port=rest_port,
        tls_certificate=tls_certificate,
        tls_key=tls_key,
        identities=identities,
    )
