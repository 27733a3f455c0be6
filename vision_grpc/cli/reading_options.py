"""The options of the commands that read images: how they are read, and whether by a local service."""

from typing import TYPE_CHECKING

import click

from vision_grpc.cli.numbers import DAY_S, Seconds
from vision_grpc.cli.sections import option
from vision_grpc.config import Timeouts
from vision_grpc.contract.models import OCR_V1_MODELS, VISION_V1_MODELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vision_grpc.session.settings import Arguments

_MODELS = tuple(dict.fromkeys((*VISION_V1_MODELS, *OCR_V1_MODELS)))
_READING, _SERVICE = "Reading", "Service"


def _complete_model(_: click.Context, __: click.Parameter, start: str) -> list[str]:
    return [name for name in _MODELS if name.startswith(start)]


languages_option = option(
    _READING,
    "-l",
    "--languages",
    metavar="CODES",
    default="*",
    help="Languages of the texts, as in ru,en.  [default: *, which detects them]",
)
model_option = option(
    _READING,
    "--model",
    metavar="NAME",
    shell_complete=_complete_model,
    help="What an image shows: page or line; for ocr/v1 also table, markdown, handwritten and others.  [default: page]",
)
local_option = option(
    _SERVICE,
    "--local",
    is_flag=True,
    help="Read with a local service that is started for this run: no account, no cost.",
)
timeout_option = option(
    _SERVICE,
    "--timeout",
    "timeout_s",
    metavar="SECONDS",
    type=Seconds(most=DAY_S),
    default=Timeouts().call_s,
    help=f"Give up a call after this time, at most a day, and try again.  [default: {Timeouts().call_s:g}]",
)


def refuse_beside_local(service: "Arguments") -> None:
    """Check that no option names another service than the local one.

    Raises:
        click.UsageError: one does.
    """
    options: Mapping[str, object] = {
        "--endpoint": service.endpoint,
        "--root-certificates": service.root_certificates,
        "--client-certificate": service.client_certificate,
        "--server-name": service.server_name,
    }
    for name, value in options.items():
        if value is not None:
            message = f"--local starts its own service: drop --local or {name}"
            raise click.UsageError(message, click.get_current_context())
