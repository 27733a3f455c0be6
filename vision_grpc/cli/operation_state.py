"""The state of an operation, as the service says it and as it is printed."""

import json
from datetime import UTC
from typing import TYPE_CHECKING, Literal

import click

from vision_grpc.cli.stderr import join_lines
from vision_grpc.errors import Code

if TYPE_CHECKING:
    from vision_grpc.messages import Operation

State = Literal["waiting", "ready", "failed", "cancelled"]


def state_of(operation: "Operation") -> State:
    """Return whether the result of an operation is to come, there, or never to come."""
    if not operation.done:
        return "waiting"
    if not operation.HasField("error"):
        return "ready"
    return "cancelled" if operation.error.code == Code.CANCELLED else "failed"


def print_state(operation: "Operation", *, as_json: bool) -> None:
    """Print what the service says of an operation on stdout."""
    state, created_at = state_of(operation), _time(operation)
    error = None
    if operation.HasField("error"):
        error = {"code": Code.from_number(operation.error.code).name, "message": operation.error.message}
    if as_json:
        line = {"id": operation.id, "state": state, "created_at": created_at, "error": error}
        click.echo(json.dumps(line, ensure_ascii=False))
        return
    said = "" if error is None else f", {error['code']}: {join_lines(error['message'])}"
    since = "" if created_at is None else f", accepted {created_at}"
    click.echo(f"{operation.id}  {state}{since}{said}")


def _time(operation: "Operation") -> str | None:
    if not operation.HasField("created_at"):
        return None
    return operation.created_at.ToDatetime(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
