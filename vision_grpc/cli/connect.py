"""The options of the commands that call a service, and the client that they call it with."""

import os
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vision_grpc.cli.flags import in_flags
from vision_grpc.cli.sections import option
from vision_grpc.config import Limits, RetryPolicy, Timeouts
from vision_grpc.contract.models import is_of_ocr_v1_alone
from vision_grpc.errors import AuthError, InvalidRequestError
from vision_grpc.texts.extras import MissingExtraError
from vision_grpc.texts.quoting import show

if TYPE_CHECKING:
    from vision_grpc.api.api import Model
    from vision_grpc.api.choice import ApiName
    from vision_grpc.client import VisionClient
    from vision_grpc.events import Event
    from vision_grpc.quota import SharedQuota
    from vision_grpc.session.settings import Arguments
    from vision_grpc.tape import Tape
    from vision_grpc.transport.connect import TransportChoice

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_SECTION = "Service"
_API_HELP = "API of the calls: vision/v1, or ocr/v1, which reads tables and PDFs.  [default: vision/v1]"
_OPTIONS = (
    option(_SECTION, "--endpoint", metavar="ADDRESS", help="Address of the service: host:port or a URL."),
    option(
        _SECTION,
        "--transport",
        # The variable is read with the other settings, so that an error names the variable.
        type=click.Choice(["auto", "grpc", "rest"], case_sensitive=False),
        help="Protocol of the calls.  [default: auto: gRPC, else REST]",
    ),
    option(_SECTION, "--anonymous", is_flag=True, help="Send no credentials, as to your own service."),
    option(_SECTION, "--insecure", is_flag=True, help="Do not use TLS; with credentials, only on this machine."),
    # Whatever the name stands for, the same is said of it as of SSL_CERT_FILE.
    option(
        _SECTION,
        "--root-certificates",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Certificates to trust (PEM or DER).",
    ),
    option(_SECTION, "--client-certificate", metavar="FILE", type=_FILE, help="Certificate chain of the client (PEM)."),
    option(
        _SECTION, "--client-key", metavar="FILE", type=_FILE, help="Private key of the client (PEM, no pass phrase)."
    ),
    option(_SECTION, "--server-name", metavar="NAME", help="Host name to expect in the service's certificate."),
    option(_SECTION, "--folder-id", metavar="ID", help="Folder to bill, for user accounts."),
    option(
        _SECTION,
        "--data-logging/--no-data-logging",
        default=None,
        help="Whether the service may keep the data that it gets.  [default: the service decides]",
    ),
)


def service_options(command: Callable[..., int], *, api_help: str = _API_HELP) -> Callable[..., int]:
    """Add the options of a service to a command, which gets them as the argument `service`."""
    apis = click.Choice(["vision/v1", "ocr/v1"], case_sensitive=False)

    @wraps(command)
    def collect(
        *,
        endpoint: str | None,
        transport: "TransportChoice | None",
        api: "ApiName | None",
        anonymous: bool,
        insecure: bool,
        root_certificates: Path | None,
        client_certificate: Path | None,
        client_key: Path | None,
        server_name: str | None,
        folder_id: str | None,
        data_logging: bool | None,
        **others: object,
    ) -> int:
        certificate = None
        if client_certificate is not None and client_key is not None:
            certificate = (client_certificate, client_key)
        elif client_certificate is not None or client_key is not None:
            message = "--client-certificate and --client-key go together: name both files"
            raise click.UsageError(message, click.get_current_context())
        from vision_grpc.auth import Anonymous
        from vision_grpc.session.settings import Arguments

        service = Arguments(
            endpoint=endpoint,
            transport=transport,
            api=api,
            credentials=Anonymous() if anonymous else None,
            folder_id=folder_id,
            root_certificates=_read_pipe(root_certificates),
            client_certificate=certificate,
            server_name=server_name,
            insecure=insecure,
            data_logging=data_logging,
        )
        return command(service=service, **others)

    api_option = option(_SECTION, "--api", metavar="NAME", type=apis, help=api_help)
    for each in reversed((*_OPTIONS[:2], api_option, *_OPTIONS[2:])):
        each(collect)
    return collect


def _read_pipe(file: Path | None) -> Path | bytes | None:
    """Return the content of a pipe, which can be read only once, as a shell's <(...); any other file as it is."""
    with suppress(OSError):  # Whoever reads the certificates says what is wrong with the file.
        if file is not None and file.is_fifo():
            return file.read_bytes()
    return file


def check_options(service: "Arguments", languages: Sequence[str], model: "Model | None", *, local: bool) -> None:
    """Check that a call is possible with the options. Nothing is called, and no credentials are looked for.

    Raises:
        click.ClickException: an option is malformed, or contradicts another one.
        InvalidRequestError: the service takes no such languages, model or folder.
    """
    from vision_grpc.auth import Anonymous
    from vision_grpc.session.languages import explain
    from vision_grpc.session.settings import FOLDER_VARIABLE
    from vision_grpc.session.templates import TextConfig

    # The folder in the environment is not for all credentials.
    environ = {} if local else {name: value for name, value in os.environ.items() if name != FOLDER_VARIABLE}
    try:
        settings = replace(service, credentials=Anonymous()).resolve(environ)
    except ValueError as error:
        raise click.ClickException(in_flags(error)) from error
    config = TextConfig.of(languages, model)
    api = settings.api
    if config.model and api.models and config.model not in api.models:
        message = f"--model {show(config.model)} is not one of {', '.join(api.models)}, which {api.name} has"
        if is_of_ocr_v1_alone(config.model):
            message += ": add --api ocr/v1, which has it"
        raise click.UsageError(message, click.get_current_context())
    try:
        api.template(*config, settings.folder_id)
    except InvalidRequestError as error:
        raise explain(error, config.languages, languages, ",".join) from None


@contextmanager
def connect(
    service: "Arguments",
    *,
    local: bool,
    timeout_s: float,
    operation_s: float = Timeouts().operation_s,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    on_event: "Callable[[Event], None] | None" = None,
    cache: "Tape | None" = None,
    quota: "SharedQuota | None" = None,
) -> Generator["VisionClient"]:
    """Yield a client of the service. With `local` it is a local service, which lives as long as the context.

    Raises:
        click.ClickException: an option is malformed, or contradicts another one.
        AuthError: there are no credentials.
        LocalServiceError: the local service cannot start here.
    """
    from vision_grpc.api.choice import API_NAMES
    from vision_grpc.auth import Anonymous
    from vision_grpc.client import VisionClient
    from vision_grpc.session.memory import tune_memory

    if not local:  # The threads of a local service's OCR would wait for one arena.
        tune_memory()
    with ExitStack() as stack:
        if local:
            with local_extra():
                from vision_grpc.local import LocalVision
            transport = _find_transport(service)
            vision = stack.enter_context(LocalVision())
            endpoint = vision.rest_endpoint if transport == "rest" else vision.grpc_endpoint
            # The folder in the environment belongs to the real service.
            folder_id = "" if service.folder_id is None else service.folder_id
            service = replace(
                service,
                api=service.api or API_NAMES[0],
                endpoint=endpoint,
                insecure=True,
                credentials=Anonymous(),
                folder_id=folder_id,
            )
        try:
            client = VisionClient(
                **service.keywords(),
                limits=limits,
                on_event=on_event,
                cache=cache,
                quota=quota,
                # The default of total_s would cut the later attempts of long calls short.
                timeouts=Timeouts(
                    call_s=timeout_s,
                    total_s=max(Timeouts().total_s, timeout_s * RetryPolicy().attempts),
                    operation_s=operation_s,
                ),
            )
        except AuthError as error:
            error.add_note("to try it without an account, use --local; for a service of your own, --anonymous")
            raise
        except ValueError as error:
            raise click.ClickException(in_flags(error)) from error
        yield stack.enter_context(client)


def _find_transport(service: "Arguments") -> "TransportChoice":
    from vision_grpc.session.settings import find_transport

    try:
        return find_transport(service.transport, os.environ)
    except ValueError as error:
        raise click.ClickException(in_flags(error)) from error


@contextmanager
def local_extra() -> Generator[None]:
    """Provide a context in which the local service is imported.

    Raises:
        click.ClickException: the extra `local` is not installed.
    """
    try:
        yield
    except MissingExtraError as error:
        raise click.ClickException(str(error)) from error
