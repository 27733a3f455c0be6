"""`vision-grpc operations cancel`: ends an operation before it has a result."""

from typing import TYPE_CHECKING

import click

from vision_grpc.cli.connect import connect
from vision_grpc.cli.exits import ALL_READ, SOME_FAILED
from vision_grpc.cli.operation_options import (
    id_argument,
    json_option,
    named_in_errors,
    of_ocr_v1,
    operation_service_options,
)
from vision_grpc.cli.operation_state import print_state, state_of
from vision_grpc.cli.operations_help import CANCEL_EPILOG, CANCEL_HELP
from vision_grpc.cli.reading_options import timeout_option
from vision_grpc.cli.sections import SectionedCommand

if TYPE_CHECKING:
    from vision_grpc.session.settings import Arguments


@click.command("cancel", cls=SectionedCommand, help=CANCEL_HELP, epilog=CANCEL_EPILOG)
@id_argument
@json_option
@operation_service_options
@timeout_option
def command(*, operation_id: str, as_json: bool, service: "Arguments", timeout_s: float) -> int:
    """End an operation before it has a result."""
    with connect(of_ocr_v1(service), local=False, timeout_s=timeout_s) as client, named_in_errors(operation_id):
        operation = client.cancel_operation(operation_id)
    print_state(operation, as_json=as_json)
    return ALL_READ if state_of(operation) == "cancelled" else SOME_FAILED
