"""What the commands about single operations have in common: their ids, and the API that has operations."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import click

from vision_grpc.cli.connect import service_options
from vision_grpc.cli.sections import option
from vision_grpc.errors import Code, ServiceError
from vision_grpc.texts.quoting import quote_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vision_grpc.session.settings import Arguments


class _OperationId(click.types.StringParamType):
    """The id of an operation; anything else is refused, with where ids are."""

    name = "id"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return an id without the blanks around it."""
        operation_id = str(value).strip()
        name = quote_name(str(value))
        if operation_id.endswith((".jsonl", ".ndjson")):
            self.fail(f"{name} is a journal, not an id: vision-grpc operations list {name} prints ids", param, ctx)
        is_text = operation_id.isascii() and operation_id.isprintable()
        if not is_text or not 0 < len(operation_id) <= _MOST:
            self.fail(f"{name} is not the id of an operation: operations list JOURNAL prints ids", param, ctx)
        return operation_id


# The option of the field in the protos says so.
_MOST = 50
id_argument = click.argument("operation_id", metavar="ID", type=_OperationId())
"""Adds the id of an operation to a command."""


def _once(_: click.Context, __: click.Parameter, ids: "Sequence[str]") -> "Sequence[str]":
    """Return ids without those that are named again."""
    return [*dict.fromkeys(ids)]


ids_argument = click.argument(
    "operation_ids", metavar="ID...", nargs=-1, required=True, type=_OperationId(), callback=_once
)
"""Adds the ids of operations to a command."""


operation_service_options = partial(
    service_options, api_help="API of the calls: ocr/v1, which alone has operations.  [default: ocr/v1]"
)
"""Adds the options of a service that has operations."""

json_option = option("What is shown", "--json", "as_json", is_flag=True, help="Print a JSON object.")
"""Lets a command print JSON, as its argument `as_json` says."""

_ADVICE = {
    Code.NOT_FOUND: "check the id, or send the file again: results are kept for three days",
    Code.PERMISSION_DENIED: "it may be of another folder: use that one, with its credentials",
    Code.UNAUTHENTICATED: "make a new key or token",
}


def of_ocr_v1(service: "Arguments") -> "Arguments":
    """Return the options of a service for the API that has operations, whatever the environment says.

    Raises:
        click.UsageError: they name another API.
    """
    if service.api not in {None, "ocr/v1"}:
        message = f"operations are those of ocr/v1: drop --api {service.api}"
        raise click.UsageError(message, click.get_current_context())
    return replace(service, api="ocr/v1")


@contextmanager
def named_in_errors(operation_id: str) -> Generator[None]:
    """Name the operation in errors of calls about it, with what to do about them."""
    try:
        yield
    except ServiceError as error:
        message = f"operation {operation_id}: {error.message}"
        advice = _ADVICE.get(error.code)
        raise click.ClickException(f"{message}: {advice}" if advice else message) from error
