"""`vision-grpc doctor`: what a client would use here, what is wrong with it, and how to fix it."""

import json
import os
from typing import TYPE_CHECKING

import click

from vision_grpc.cli.connect import service_options
from vision_grpc.cli.exits import ALL_READ, NOTHING_DONE, SOME_FAILED
from vision_grpc.cli.flags import flag_and_argument_of
from vision_grpc.cli.numbers import DAY_S, Seconds
from vision_grpc.cli.stderr import join_lines
from vision_grpc.errors import advice_text

if TYPE_CHECKING:
    from vision_grpc.session.settings import Arguments

# Not a docstring: Python leaves those out with -OO.
_HELP = """\
Check the settings and the connection to the service.

The checks show which service, transport and credentials a client uses here, whether they work,
and how to fix what does not.
"""
_EPILOG = """\b
Each line has the name of a check and its result. "!" marks a warning and
"x" a fault; the line below it says how to fix it. With --json, each line is
an object with name, state (ok, warning or fault), message and fix. No
secrets are printed.

\b
Examples:
  vision-grpc doctor
  vision-grpc doctor --call
  vision-grpc doctor --endpoint 127.0.0.1:50051 --insecure --json
  vision-grpc doctor --client-certificate me.pem --client-key me.key --call

\b
Environment:
  the same variables as for analyze; see vision-grpc --help

\b
Exit codes:
  0  no fault was found
  1  a fault was found
  2  wrong usage, or invalid settings
"""
_MARKS = {"ok": " ", "warning": "!", "fault": "x"}


@click.command(help=_HELP, epilog=_EPILOG)
@service_options
@click.option("--call", is_flag=True, help="Get a token and make a call, which is not billed.")
@click.option(
    "--timeout",
    "timeout_s",
    metavar="SECONDS",
    type=Seconds(most=DAY_S),
    default=10.0,
    help="Longest time for each step.  [default: 10]",
)
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON lines.")
def doctor(
    *,
    service: "Arguments",
    call: bool,
    timeout_s: float,
    as_json: bool,
) -> int:
    """Check the settings and the connection to the service."""
    from vision_grpc.doctor import examine

    code = ALL_READ
    for finding in examine(service, os.environ, call=call, timeout_s=timeout_s):
        if finding.state == "fault":
            code = NOTHING_DONE if finding.name == "settings" else SOME_FAILED
        fix = advice_text(finding.advice, flag_and_argument_of)
        if as_json:
            line = {"name": finding.name, "state": finding.state, "message": finding.message, "fix": fix or None}
            click.echo(json.dumps(line, ensure_ascii=False))
            continue
        click.echo(f"{_MARKS[finding.state]} {finding.name:<13}{join_lines(finding.message)}")
        if fix:
            click.echo(f"  {'':<13}fix: {join_lines(fix)}")
    return code
