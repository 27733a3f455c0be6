"""`vision-grpc serve`: runs the local service until a signal ends it."""

import json
import logging
import os
import signal
import socket
from contextlib import ExitStack
from pathlib import Path
from threading import Timer
from types import FrameType
from typing import NoReturn

import click

from vision_grpc.cli.connect import local_extra
from vision_grpc.cli.exits import ALL_READ
from vision_grpc.cli.logs import show_logs
from vision_grpc.cli.numbers import DAY_S, Seconds, WholeNumber
from vision_grpc.cli.stderr import print_line

# Not a docstring: Python leaves those out with -OO.
_HELP = """\
Run a local Vision service over gRPC and REST.

It recognises text with Tesseract and has the API of the real service. It requires no
credentials unless --require-auth is given.
"""
_EPILOG = """\b
When the service is ready, one line of JSON is printed on stdout:
{"grpc_endpoint": "127.0.0.1:4001", "rest_endpoint": "http://127.0.0.1:4002"}
The log goes to stderr. gRPC reflection and health checks are served too.

\b
Examples:
  vision-grpc serve
  vision-grpc serve --grpc-port 50051 --rest-port 8080
  vision-grpc serve --host 0.0.0.0 --tls-certificate c.pem --tls-key k.pem
  vision-grpc analyze --endpoint 127.0.0.1:50051 --insecure scan.png
  vision-grpc serve --require-auth secrets/ --token-lifetime 60

\b
REST takes what gateways from JSON to gRPC take: base64 with line breaks, a
single value in place of a list, unknown fields (the log names them). With
--strict these are refused with the path of the field.

\b
With --require-auth, each start writes a new authorized key (key.json), API
key (api-key) and OAuth token (oauth-token) to the folder, and callers need
one of them. Both ports exchange them for IAM tokens, and the REST port is a
metadata service too.
  export YC_SERVICE_ACCOUNT_KEY_FILE=secrets/key.json
  export VISION_GRPC_IAM_ENDPOINT=http://127.0.0.1:4001

\b
Ctrl-C or SIGTERM ends the service: it accepts no more calls and answers
those in flight. Calls that take longer than 1.4 seconds fail with
UNAVAILABLE. The service ends within two seconds; a second signal ends it
at once.

\b
Exit codes:
  0  ended by Ctrl-C or SIGTERM
  2  could not start: a port is in use, no Tesseract language data, ...

\b
Environment:
  TESSDATA_PREFIX  folder of Tesseract's language data (*.traineddata)
"""
_ENDING = (signal.SIGINT, signal.SIGTERM)
_LONGEST_END_S = 1.9
_PORT = WholeNumber(0, 65535)
_log = logging.getLogger(__name__)


@click.command(help=_HELP, epilog=_EPILOG)
@click.option("--host", metavar="ADDRESS", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--grpc-port", type=_PORT, default=0, metavar="N", help="Port for gRPC.  [default: any free]")
@click.option("--rest-port", type=_PORT, default=0, metavar="N", help="Port for REST.  [default: any free]")
@click.option(
    "--tls-certificate", metavar="FILE", type=click.Path(path_type=Path), help="Certificate chain of the service (PEM)."
)
@click.option("--tls-key", metavar="FILE", type=click.Path(path_type=Path), help="Private key of the service (PEM).")
@click.option(
    "--require-auth",
    "credentials_folder",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Write new credentials to this folder, and require them of callers.",
)
@click.option(
    "--token-lifetime",
    "token_lifetime_s",
    metavar="SECONDS",
    type=Seconds(most=365 * DAY_S),
    default=12 * 3600.0,
    help="Lifetime of IAM tokens, up to 365 days.  [default: 12 hours]",
)
@click.option("--strict", is_flag=True, help="Refuse JSON that only lenient gateways take, such as unknown fields.")
def serve(
    *,
    host: str,
    grpc_port: int,
    rest_port: int,
    tls_certificate: Path | None,
    tls_key: Path | None,
    credentials_folder: Path | None,
    token_lifetime_s: float,
    strict: bool,
) -> NoReturn:
    """Run a local Vision service over gRPC and REST."""
    if (tls_certificate is None) != (tls_key is None):
        message = "--tls-certificate and --tls-key go together: name both files"
        raise click.UsageError(message, click.get_current_context())
    show_logs(logging.INFO)
    end_asked = _catch_end()
    with local_extra():
        from vision_grpc.local import Identities, LocalVision
    with ExitStack() as stack:
        identities = folder = None
        if credentials_folder is not None:
            # Imported here because it needs POSIX file locks; a service without credentials runs without them.
            from vision_grpc.cli.secrets_folder import hold_folder

            identities = Identities(token_lifetime_s=token_lifetime_s)
            folder = stack.enter_context(hold_folder(credentials_folder))
        vision = stack.enter_context(
            LocalVision(
                host=host,
                grpc_port=grpc_port,
                rest_port=rest_port,
                tls_certificate=tls_certificate,
                tls_key=tls_key,
                identities=identities,
                strict=strict,
            )
        )
        if identities is None and not _is_loopback(host):
            print_line(
                f"warning: everybody who can reach this machine on {host} can use the service: it needs no credentials"
            )
        if folder is not None and identities is not None:
            folder.write(identities)
        endpoints = {"grpc_endpoint": vision.grpc_endpoint, "rest_endpoint": vision.rest_endpoint}
        _log.info("serving gRPC on %s and REST on %s, Ctrl-C ends the service", *endpoints.values())
        click.echo(json.dumps(endpoints))
        end_asked.recv(1)
        _end_at_last()
        _log.info("ending; calls in flight are answered first")
    # Nothing is left to save. Measured with 80 calls in flight on busy cores, the interpreter's own shutdown would take
    # another second, which nothing can cut short.
    os._exit(ALL_READ)


def _catch_end() -> socket.socket:
    """Return a socket that can be read once SIGINT or SIGTERM has come; a second signal ends the program at once."""
    end_asked, wakeup = socket.socketpair()
    wakeup.settimeout(0)
    # The kernel may interrupt any thread. Python's handler runs in the main thread, but ends no wait for a lock or an
    # event there. The interrupted thread writes to the socket, which wakes the main thread.
    signal.set_wakeup_fd(wakeup.detach())

    def end(_number: int, _frame: FrameType | None) -> None:
        for number in _ENDING:
            signal.signal(number, signal.SIG_DFL)

    for number in _ENDING:
        signal.signal(number, end)
    return end_asked


def _end_at_last() -> None:
    """End the process in time in any case: a supervisor may kill it soon."""
    timer = Timer(_LONGEST_END_S, os._exit, [ALL_READ])
    timer.daemon = True
    timer.start()


def _is_loopback(host: str) -> bool:
    from vision_grpc.network.endpoint import Endpoint

    return Endpoint(host, port=0, plaintext=True).is_loopback
