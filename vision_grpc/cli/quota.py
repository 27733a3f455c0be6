"""`vision-grpc quota`: runs the service of a shared quota, or shows who takes what of a running one."""

import logging
import os
from pathlib import Path

import click

from vision_grpc.cli.exits import ALL_READ
from vision_grpc.cli.numbers import DAY_S, Number, Seconds, WholeNumber
from vision_grpc.cli.quota_help import EPILOG, HELP
from vision_grpc.cli.sections import SectionedCommand, option

_FILE = click.Path(path_type=Path)


@click.command(cls=SectionedCommand, help=HELP, epilog=EPILOG)
@option(
    "Quota",
    "--rps",
    metavar="N",
    type=Number("requests a second"),
    help="Let N requests a second leave, of all clients together. Fractions such as 0.5 are fine.",
)
@option(
    "Quota",
    "--images-per-second",
    metavar="N",
    type=Number("images a second"),
    help="Let N images a second leave, if the quota counts those.",
)
@option("Listening", "--host", metavar="ADDRESS", help="Address to listen on.  [default: 127.0.0.1]")
@option("Listening", "--port", metavar="N", type=WholeNumber(0, 65535), help="Port to listen on.  [default: any free]")
@option("TLS", "--tls-certificate", metavar="FILE", type=_FILE, help="Certificate chain of the service (PEM).")
@option("TLS", "--tls-key", metavar="FILE", type=_FILE, help="Private key of the service (PEM).")
@option(
    "Log",
    "--log-every",
    metavar="SECONDS",
    type=Seconds(most=DAY_S),
    help="Log who takes what each time so many seconds have passed.  [default: 60]",
)
@option(
    "Log",
    "--log-format",
    type=click.Choice(["text", "json"], case_sensitive=False),
    help="Lines to read, or an object a line.  [default: text]",
)
@option("Usage", "--show", metavar="ADDRESS", help="Print who takes what of a running service at HOST:PORT.")
@option(
    "Usage",
    "--root-certificates",
    metavar="FILE",
    type=_FILE,
    help="With --show https://HOST:PORT: certificates to trust (PEM or DER).  [default: the system's]",
)
@option("Usage", "--json", "as_json", is_flag=True, help="With --show: print an object.")
def quota(
    *,
    rps: float | None,
    images_per_second: float | None,
    host: str | None,
    port: int | None,
    tls_certificate: Path | None,
    tls_key: Path | None,
    log_every: float | None,
    log_format: str | None,
    show: str | None,
    root_certificates: Path | None,
    as_json: bool,
) -> int:
    """Run the service of a shared quota, or show who takes what."""
    # gRPC reads it when it is imported.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    of_service = {
        "--rps": rps,
        "--images-per-second": images_per_second,
        "--host": host,
        "--port": port,
        "--tls-certificate": tls_certificate,
        "--tls-key": tls_key,
        "--log-every": log_every,
        "--log-format": log_format,
    }
    if show is not None:
        if named := [flag for flag, value in of_service.items() if value is not None]:
            message = f"--show asks a running service: drop {', '.join(named)}"
            raise click.UsageError(message)
        from vision_grpc.cli.quota_usage import show_usage

        show_usage(show, root_certificates=root_certificates, as_json=as_json)
        return ALL_READ
    if as_json or root_certificates is not None:
        message = f"{'--json' if as_json else '--root-certificates'} goes with --show HOST:PORT"
        raise click.UsageError(message)
    if rps is None and images_per_second is None:
        message = "say what the quota is: --rps N, --images-per-second N, or both"
        raise click.UsageError(message)
    if (tls_certificate is None) != (tls_key is None):
        message = "--tls-certificate and --tls-key go together: name both files"
        raise click.UsageError(message)
    from vision_grpc.cli.quota_service import serve_quota
    from vision_grpc.cli.serve_log import service_log

    with service_log(logging.INFO, as_json=log_format == "json") as log:
        serve_quota(
            rps,
            images_per_second,
            host="127.0.0.1" if host is None else host,
            port=0 if port is None else port,
            tls_files=None if tls_certificate is None or tls_key is None else (tls_certificate, tls_key),
            every_s=60.0 if log_every is None else log_every,
            log=log,
        )
    return ALL_READ
