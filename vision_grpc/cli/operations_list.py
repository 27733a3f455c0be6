"""`vision-grpc operations list`: the operations of a journal whose results are not there yet."""

import json
import time
from typing import TYPE_CHECKING

import click

from vision_grpc.cli.amounts import moment
from vision_grpc.cli.exits import ALL_READ
from vision_grpc.cli.operations_help import LIST_EPILOG, LIST_HELP
from vision_grpc.cli.stderr import print_line
from vision_grpc.texts.quoting import quote_name
from vision_grpc.texts.strict import to_strict

if TYPE_CHECKING:
    from vision_grpc.bulk.journal import Accepted


@click.command("list", help=LIST_HELP, epilog=LIST_EPILOG)
@click.argument("journal", metavar="JOURNAL", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines: id, accepted_at, expires_at, key.")
def command(*, journal: str, as_json: bool) -> int:
    """List the operations of a journal."""
    from vision_grpc.bulk.journal import look_at_accepted
    from vision_grpc.bulk.operations import KEPT_S

    pending = sorted(look_at_accepted(journal), key=lambda each: each.accepted_at)
    if not pending:
        print_line(f"{quote_name(journal)}: no results are to be fetched")
    width = max((len(quote_name(each.operation_id)) for each in pending), default=0)
    now = time.time()
    for each in pending:
        expires_at = each.accepted_at + KEPT_S
        click.echo(_object(each, expires_at) if as_json else _line(each, expires_at, width, is_over=expires_at <= now))
    return ALL_READ


def _line(each: "Accepted", expires_at: float, width: int, *, is_over: bool) -> str:
    until = f"{'expired' if is_over else 'expires'} {moment(expires_at)}"
    accepted = f"accepted {moment(each.accepted_at)}"
    return f"{quote_name(each.operation_id):<{width}}  {accepted}  {until}  {quote_name(each.key)}"


def _object(each: "Accepted", expires_at: float) -> str:
    line = {
        "id": each.operation_id,
        "accepted_at": moment(each.accepted_at),
        "expires_at": moment(expires_at),
        "key": to_strict(each.key),
    }
    return json.dumps(line, ensure_ascii=False)
