"""The options of `vision-grpc serve`. Each has a variable in the environment, too."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from vision_grpc.cli.numbers import DAY_S, ByteCount, Number, Seconds, WholeNumber
from vision_grpc.cli.sections import Command, Option, grouped
from vision_grpc.texts.cleaning import UncleanError, read_variable
from vision_grpc.texts.quoting import quote_name

if TYPE_CHECKING:
    # Not imported: help is printed without the service.
    from vision_grpc.local.config import ServiceConfig

PREFIX = "VISION_GRPC_SERVE_"
"""What the names of the variables begin with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """What the options say; None is the default of the service."""

    host: str
    port: int
    grpc_port: int | None
    rest_port: int | None
    allowed_host: tuple[str, ...]
    cors_origin: tuple[str, ...]
    tls_certificate: Path | None
    tls_key: Path | None
    tls_self_signed: bool
    require_auth: Path | None
    token_lifetime: float
    rps: float | None
    images_per_second: float | None
    quota: Literal["documented"] | None
    recognition_seconds: float | None
    workers: int | None
    faults: Path | None
    strict: bool
    keep: int | None
    keep_bytes: int | None
    keep_results: float | None
    keep_operations: int | None
    keep_operation_bytes: int | None
    cache: int | None
    grace: float | None
    until_stdin_closes: bool
    log_format: str
    log_level: str

    def check(self) -> None:
        """Check that the options fit together.

        Raises:
            click.UsageError: one contradicts another, or lacks it.
        """
        context = click.get_current_context()
        if self.tls_self_signed and (self.tls_certificate is not None or self.tls_key is not None):
            message = "--tls-self-signed makes a certificate: drop it, or drop --tls-certificate and --tls-key"
            raise click.UsageError(message, context)
        if (self.tls_certificate is None) != (self.tls_key is None):
            message = "--tls-certificate and --tls-key go together: name both files"
            raise click.UsageError(message, context)

    def config(self) -> "ServiceConfig":
        """Return the settings of the service."""
        from vision_grpc.local.config import ServiceConfig

        named: dict[str, Any] = {
            "grace_s": self.grace,
            "requests_per_s": self.rps,
            "images_per_s": self.images_per_second,
            "quota": self.quota,
            "recognition_s": self.recognition_seconds,
            "threads": self.workers,
            "keep_calls": self.keep,
            "keep_bytes": self.keep_bytes,
            "keep_results_s": self.keep_results,
            "keep_operations": self.keep_operations,
            "keep_operation_bytes": self.keep_operation_bytes,
            "cache_bytes": self.cache,
            "hosts": self.allowed_host,
            "cors_origins": self.cors_origin,
        }
        return ServiceConfig(**{name: value for name, value in named.items() if value is not None})


class VariableOption(Option):
    """An option that a variable of the environment stands for, which errors name where it is wrong."""

    def __init__(self, names: list[str], **settings: Any) -> None:  # noqa: ANN401 - click's own
        flags = [name for name in names if name.startswith("--")]
        self.variables = [PREFIX + flag.removeprefix("--").replace("-", "_").upper() for flag in flags]
        super().__init__(names, envvar=self.variables, **settings)

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """Return the value of the first variable that has one, cleaned as all settings are."""
        try:
            values = [(name, value) for name in self.variables if (value := read_variable(os.environ, name))]
        except UncleanError as error:
            raise click.BadParameter(str(error), ctx) from error
        return values[0][1] if values else None

    def value_from_envvar(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's own
        """Return what the variable says; commas or blanks stand between several values."""
        if self.multiple and (value := self.resolve_envvar_value(ctx)) is not None:
            return tuple(filter(None, re.split(r"[\s,]+", value)))
        return super().value_from_envvar(ctx)

    def process_value(self, ctx: click.Context, value: Any) -> Any:  # noqa: ANN401 - click's own
        """Return the value in its type.

        Raises:
            click.BadParameter: it is not of the type; the error names the flag or the variable, whichever had it.
        """
        try:
            return super().process_value(ctx, value)
        except click.BadParameter as error:
            if ctx.get_parameter_source(self.name or "") is not click.core.ParameterSource.ENVIRONMENT:
                raise
            variable = next(name for name in self.variables if os.environ.get(name))
            message = f"{value!r} is neither 1 nor 0" if self.is_flag else error.message
            raise click.BadParameter(message, ctx, self, param_hint=variable) from error


def unknown_variables(command: click.Command, environ: Mapping[str, str]) -> list[str]:
    """Return a sentence for each variable that looks like one of the command's options and is not."""
    options = [option for option in command.params if isinstance(option, VariableOption)]
    known = [name for option in options for name in option.variables]
    sentences: list[str] = []
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known:
            near = get_close_matches(name, known, n=1)
            sentences.append(f"no option has the variable {quote_name(name)}" + (f", is it {near[0]}?" if near else ""))
    return sentences


def serve_option(
    section: str,
    *names: str,
    **settings: Any,  # noqa: ANN401 - click's own
) -> Callable[[Command], Command]:
    """Return a decorator that adds an option, which has a variable in the environment, too."""
    return click.option(*names, cls=VariableOption, section=section, **settings)


_FILE = click.Path(path_type=Path)
_PORT = WholeNumber(0, 65535)
_OPTIONS = (
    serve_option(
        "Listening",
        "--host",
        metavar="ADDRESS",
        default="127.0.0.1",
        show_default=True,
        help="Address to listen on.",
    ),
    serve_option(
        "Listening",
        "--port",
        type=_PORT,
        default=0,
        metavar="N",
        help="Port for both gRPC and REST.  [default: any free]",
    ),
    serve_option(
        "Listening", "--grpc-port", type=_PORT, metavar="N", help="Port of its own for gRPC; 0 takes any free."
    ),
    serve_option(
        "Listening", "--rest-port", type=_PORT, metavar="N", help="Port of its own for REST; 0 takes any free."
    ),
    serve_option(
        "Listening",
        "--allowed-host",
        metavar="NAME",
        multiple=True,
        help="Take requests whose Host header has this name, too: name, *.suffix or *. Can be repeated.",
    ),
    serve_option(
        "Listening",
        "--cors-origin",
        metavar="ORIGIN",
        multiple=True,
        help="Let the web pages of an origin use the service: https://app.example or *. Can be repeated.",
    ),
    serve_option(
        "TLS", "--tls-certificate", metavar="FILE", type=_FILE, help="Certificate chain of the service (PEM)."
    ),
    serve_option("TLS", "--tls-key", metavar="FILE", type=_FILE, help="Private key of the service (PEM)."),
    serve_option(
        "TLS",
        "--tls-self-signed",
        is_flag=True,
        help="Make a certificate for this run. The line on stdout names the file to trust it by, as ca.",
    ),
    serve_option(
        "Credentials",
        "--require-auth",
        metavar="FOLDER",
        type=_FILE,
        help="Write new credentials to this folder, and require them of callers.",
    ),
    serve_option(
        "Credentials",
        "--token-lifetime",
        metavar="SECONDS",
        type=Seconds(most=365 * DAY_S),
        default=12 * 3600.0,
        help="Lifetime of IAM tokens, up to 365 days.  [default: 12 hours]",
    ),
    serve_option(
        "Limits",
        "--rps",
        "--requests-per-second",
        metavar="N",
        type=Number("calls a second"),
        help="Refuse more than N calls a second, as the cloud's quota does.",
    ),
    serve_option(
        "Limits",
        "--images-per-second",
        metavar="N",
        type=Number("images a second"),
        help="Refuse more than N images a second, likewise.",
    ),
    serve_option(
        "Limits",
        "--quota",
        type=click.Choice(["documented"], case_sensitive=False),
        help="Refuse calls of ocr/v1 over the quotas that the cloud documents: 1 synchronous call a second, 10 "
        "deferred ones, 50 for states and 50 for results.",
    ),
    serve_option(
        "Limits",
        "--recognition-seconds",
        metavar="N",
        type=Seconds(most=DAY_S),
        help="Give up images that take longer.  [default: 60]",
    ),
    serve_option(
        "Limits",
        "--workers",
        metavar="N",
        type=WholeNumber(1, 1024),
        help="Read N images at the same time.  [default: one for each core]",
    ),
    serve_option(
        "Tests",
        "--faults",
        metavar="FILE",
        type=_FILE,
        help="Begin with these rules of what goes wrong (JSON, docs/faults.md).",
    ),
    serve_option("Tests", "--strict", is_flag=True, help="Refuse JSON that only lenient gateways take."),
    serve_option(
        "Memory",
        "--keep",
        metavar="N",
        type=WholeNumber(0),
        help="Remember the last N calls, for the page that shows them; 0 remembers none.  [default: 500]",
    ),
    serve_option(
        "Memory",
        "--keep-bytes",
        metavar="SIZE",
        type=ByteCount(),
        help="Remember at most SIZE of their requests and answers.  [default: 64MiB]",
    ),
    serve_option(
        "Memory",
        "--keep-results",
        metavar="SECONDS",
        type=Seconds(most=365 * DAY_S),
        help="Keep the results of ocr/v1's operations for this time.  [default: 3 days]",
    ),
    serve_option(
        "Memory",
        "--keep-operations",
        metavar="N",
        type=WholeNumber(1),
        help="Remember no more than N operations, those under way among them.  [default: 10000]",
    ),
    serve_option(
        "Memory",
        "--keep-operation-bytes",
        metavar="SIZE",
        type=ByteCount(),
        help="Keep at most SIZE of files that wait to be read and of results.  [default: 512MiB]",
    ),
    serve_option(
        "Memory",
        "--cache",
        metavar="SIZE",
        type=ByteCount(),
        help="Keep at most SIZE of answers, such as 100MB, for images that come again.  [default: 0]",
    ),
    serve_option(
        "Log and end",
        "--log-format",
        type=click.Choice(["text", "json"], case_sensitive=False),
        default="text",
        show_default=True,
        help="Lines to read, or an object a line.",
    ),
    serve_option(
        "Log and end",
        "--log-level",
        type=click.Choice(["debug", "info", "warning", "error"], case_sensitive=False),
        default="info",
        show_default=True,
        help="Calls are logged at info, health checks at debug.",
    ),
    serve_option(
        "Log and end",
        "--grace",
        metavar="SECONDS",
        type=Seconds(most=DAY_S, zero=True),
        help="When the service ends, wait this time for calls in flight.  [default: 1.4]",
    ),
    serve_option(
        "Log and end",
        "--until-stdin-closes",
        is_flag=True,
        help="End when standard input does, a pipe from the program that started the service.",
    ),
)
serve_options = grouped("options", ServeOptions, _OPTIONS)
"""Adds the options to the command, which gets them as the argument `options`."""
