"""`vision-grpc doctor`: what would be used here, what is wrong with it and what mends it."""

import dataclasses
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vision_grpc.cli.exits import ALL_READ, SOME_FAILED

if TYPE_CHECKING:
    from vision_grpc.transport.connect import TransportChoice

_EPILOG = """\b
Each line tells what was looked at and what was found; below a warning or
fault is its fix. With --json each line is an object with name, state (ok,
warning or fault), message and fix. No secret is printed.

\b
Examples:
  vision-grpc doctor
  vision-grpc doctor --call
  vision-grpc doctor --endpoint 127.0.0.1:50051 --insecure --json

\b
Exit codes:
  0  no fault was found
  1  one was
  2  wrong usage
"""
_MARKS = {"ok": " ", "warning": "!", "fault": "x"}


@click.command(epilog=_EPILOG)
@click.option("--endpoint", metavar="ADDRESS", help="Look at this service: host:port or a URL.")
@click.option(
    "--transport",
    type=click.Choice(["auto", "grpc", "rest"]),
    envvar="VISION_GRPC_TRANSPORT",
    help="How it is to be called.  [default: auto]",
)
@click.option("--insecure", is_flag=True, help="No TLS; no secrets beyond this machine.")
@click.option("--root-certificates", metavar="FILE", type=click.Path(path_type=Path), help="Trust these (PEM).")
@click.option("--folder-id", metavar="ID", help="Folder to bill, for user accounts.")
@click.option("--call", is_flag=True, help="Get a token and try a call, which is not billed.")
@click.option(
    "--timeout",
    "timeout_s",
    metavar="SECONDS",
    type=click.FloatRange(min=0, min_open=True),
    default=10.0,
    show_default=True,
    help="For each step.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines.")
def doctor(
    *,
    endpoint: str | None,
    transport: "TransportChoice | None",
    insecure: bool,
    root_certificates: Path | None,
    folder_id: str | None,
    call: bool,
    timeout_s: float,
    as_json: bool,
) -> int:
    """Say which service, transport and credentials would be used, and find what is wrong with them."""
    from vision_grpc.doctor import Subject, examine

    subject = Subject(
        endpoint=endpoint,
        transport=transport,
        folder_id=folder_id,
        root_certificates=root_certificates,
        insecure=insecure,
    )
    code = ALL_READ
    for finding in examine(subject, os.environ, call=call, timeout_s=timeout_s):
        if finding.state == "fault":
            code = SOME_FAILED
        if as_json:
            click.echo(json.dumps(dataclasses.asdict(finding), ensure_ascii=False))
            continue
        click.echo(f"{_MARKS[finding.state]} {finding.name:<12}{' '.join(finding.message.split())}")
        if finding.fix is not None:
            click.echo(f"  {'':<12}fix: {finding.fix}")
    return code
