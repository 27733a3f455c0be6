"""`vision-grpc serve`: runs the local service, or a gateway, until something ends it."""

import json
import logging
import os
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast

import click

from vision_grpc.cli.connect import local_extra
from vision_grpc.cli.exits import ALL_READ
from vision_grpc.cli.sections import SectionedCommand
from vision_grpc.cli.serve_backend import BackendOptions, backend_options
from vision_grpc.cli.serve_ending import Ending, end_at_last
from vision_grpc.cli.serve_help import EPILOG, HELP
from vision_grpc.cli.serve_log import ServiceLog, service_log
from vision_grpc.cli.serve_options import ServeOptions, serve_options, unknown_variables
from vision_grpc.errors import InvalidRequestError
from vision_grpc.texts.quoting import quote_name

if TYPE_CHECKING:
    from vision_grpc.local import LocalVision
    from vision_grpc.local.config import ServiceConfig
    from vision_grpc.local.faults.rule import Rule
    from vision_grpc.local.vision_server import VisionServer

# After the grace period, the failed calls get this long to be told, and then the process ends whatever hangs.
_FAREWELL_S = 0.5
_log = logging.getLogger(__name__)


@click.command(cls=SectionedCommand, help=HELP, epilog=EPILOG)
@serve_options
@backend_options
def serve(*, options: ServeOptions, backend: BackendOptions) -> NoReturn:
    """Run a local Vision service over gRPC and REST, or a gateway."""
    options.check()
    backend.check(options, is_reachable=not _is_loopback(options.host))
    ending = Ending()
    if options.until_stdin_closes:
        ending.watch_stdin()
    # gRPC reads it when it is imported.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    level = logging.getLevelNamesMapping()[options.log_level.upper()]
    with service_log(level, as_json=options.log_format == "json") as log:
        for sentence in unknown_variables(click.get_current_context().command, os.environ):
            log.advise(sentence)
        _serve(options, backend, ending, log)
    # Nothing is left to save. Measured with 80 calls in flight on busy cores, the interpreter's own shutdown would take
    # another second, which nothing can cut short.
    os._exit(ALL_READ)


def _serve(options: ServeOptions, backend: BackendOptions, ending: Ending, log: ServiceLog) -> None:
    """Run the service from its start to its end."""
    config = options.config()
    with ExitStack() as stack:
        vision, ready = _start(options, backend, config, stack)
        if warning := _warning(options, backend):
            log.advise(warning)
        _log.info(
            "serving gRPC on %s and REST on %s, Ctrl-C ends the service", vision.grpc_endpoint, vision.rest_endpoint
        )
        click.echo(json.dumps(ready))
        reason = ending.wait()
        end_at_last(config.grace_s + backend.settle_s + _FAREWELL_S, ALL_READ)
        _log.info("%s: the service ends; calls in flight may take %g s more", reason, config.grace_s)


def _warning(options: ServeOptions, backend: BackendOptions) -> str | None:
    is_reachable = not _is_loopback(options.host)
    if backend.backend is not None:
        return backend.warning(options, is_reachable=is_reachable)
    if options.require_auth is not None or not is_reachable:
        return None
    return (
        f"everybody who can reach this machine on {options.host} can use the service and see its calls, "
        "with their images: it needs no credentials"
    )


def _start(
    options: ServeOptions, backend: BackendOptions, config: "ServiceConfig", stack: ExitStack
) -> tuple["VisionServer", dict[str, str]]:
    """Return the running service and what the line on stdout says; the stack closes it."""
    with local_extra():
        from vision_grpc.local import Identities
    identities = folder = None
    if options.require_auth is not None:
        # Imported here because it needs POSIX file locks; a service without credentials runs without them.
        from vision_grpc.cli.secrets_folder import hold_folder

        identities = Identities(token_lifetime_s=options.token_lifetime)
        folder = stack.enter_context(hold_folder(options.require_auth))
    more: dict[str, str] = {}
    certificate, key = options.tls_certificate, options.tls_key
    made = None
    if options.tls_self_signed:
        from vision_grpc.local.self_signed import self_signed

        made = stack.enter_context(self_signed([options.host]))
        certificate, key = made.certificate, made.key
        more["ca"] = str(made.ca)
    arguments: dict[str, Any] = {
        "host": options.host,
        "port": options.port,
        "grpc_port": options.grpc_port,
        "rest_port": options.rest_port,
        "tls_certificate": certificate,
        "tls_key": key,
        "identities": identities,
        "strict": options.strict,
    }
    if backend.backend is None:
        vision: VisionServer = stack.enter_context(_local_vision(options, config, arguments))
    else:
        kept = config if options.keep is not None else replace(config, keep_calls=0)
        gateway = stack.enter_context(backend.gateway(config=kept, **arguments))
        vision, more["backend"] = gateway, gateway.backend
    if made is not None:
        made.forget_key()
    if folder is not None and identities is not None:
        folder.write(identities)
    return vision, {"grpc_endpoint": vision.grpc_endpoint, "rest_endpoint": vision.rest_endpoint} | more


def _local_vision(options: ServeOptions, config: "ServiceConfig", arguments: dict[str, Any]) -> "LocalVision":
    from vision_grpc.local import LocalVision
    from vision_grpc.local.faults.store import FaultStore

    return LocalVision(faults=FaultStore(_rules_of(options.faults)), config=config, **arguments)


def _rules_of(file: Path | None) -> "list[Rule]":
    """Return the fault rules in a file.

    Raises:
        click.ClickException: one of them is not a rule.
    """
    from vision_grpc.local.faults.reading import load_rules

    try:
        return [] if file is None else load_rules(file)
    except InvalidRequestError as error:
        message = f"{quote_name(cast('Path', file))}: {error}"
        raise click.ClickException(message) from error


def _is_loopback(host: str) -> bool:
    from vision_grpc.network.endpoint import Endpoint

    return Endpoint(host, port=0, plaintext=True).is_loopback
