"""`vision-grpc operations get`: says whether an operation is done."""

from typing import TYPE_CHECKING

import click

from vision_grpc.cli.connect import connect
from vision_grpc.cli.exits import ALL_READ, SOME_FAILED
from vision_grpc.cli.next_command import program_words
from vision_grpc.cli.operation_options import (
    id_argument,
    json_option,
    named_in_errors,
    of_ocr_v1,
    operation_service_options,
)
from vision_grpc.cli.operation_state import print_state, state_of
from vision_grpc.cli.operations_help import GET_EPILOG, GET_HELP
from vision_grpc.cli.reading_options import timeout_option
from vision_grpc.cli.sections import SectionedCommand
from vision_grpc.cli.stderr import print_line

if TYPE_CHECKING:
    from vision_grpc.session.settings import Arguments


@click.command("get", cls=SectionedCommand, help=GET_HELP, epilog=GET_EPILOG)
@id_argument
@json_option
@operation_service_options
@timeout_option
def command(*, operation_id: str, as_json: bool, service: "Arguments", timeout_s: float) -> int:
    """Say whether an operation is done."""
    with connect(of_ocr_v1(service), local=False, timeout_s=timeout_s) as client, named_in_errors(operation_id):
        operation = client.operation(operation_id)
    print_state(operation, as_json=as_json)
    if state_of(operation) != "ready":
        return SOME_FAILED
    if not as_json:
        program = " ".join(program_words())
        print_line(f"to fetch the result, with the same options: {program} operations wait {operation_id}")
    return ALL_READ
