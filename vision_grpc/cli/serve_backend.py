"""The options of `vision-grpc serve --backend`, by which it is a gateway and reads nothing itself."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from vision_grpc.cli.cache_options import MODE, PLACE, CacheWishes
from vision_grpc.cli.flags import flag_of
from vision_grpc.cli.numbers import DAY_S, Number, Seconds, WholeNumber
from vision_grpc.cli.sections import grouped
from vision_grpc.cli.serve_options import ServeOptions, serve_option
from vision_grpc.errors import AdvisedError, AuthError, RunSetting, Setting

if TYPE_CHECKING:
    from vision_grpc.auth import Credentials
    from vision_grpc.gateway import Gateway
    from vision_grpc.transport.connect import TransportChoice

_SECTION = "Gateway"
OWN = "own"
# What only a service that reads images itself has.
_OF_READING = (
    "quota", "recognition_seconds", "workers", "faults", "keep_results", "keep_operations", "keep_operation_bytes",
    "cache",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendOptions:
    """What the options say about the service behind the gateway; `backend` is None where there is none."""

    backend: str | None
    backend_endpoint: str | None
    backend_credentials: str | None
    open_to_all: bool
    backend_folder_id: str | None
    backend_transport: "TransportChoice | None"
    backend_insecure: bool
    backend_root_certificates: Path | None
    backend_rps: float | None
    backend_deferred: bool
    backend_calls: int | None
    backend_seconds: float | None
    backend_cache: str | None
    backend_cache_mode: Literal["none", "once", "all"] | None

    @property
    def uses_own(self) -> bool:
        """Whether the gateway's own credentials are used for all callers."""
        return self.backend_credentials == OWN

    def check(self, options: ServeOptions, *, is_reachable: bool) -> None:
        """Check that the options fit together; `is_reachable` says whether other machines may call.

        Raises:
            click.UsageError: one contradicts another, or lacks it.
            click.ClickException: there can be no tape at the place for it.
        """
        if problem := self._problem(options, is_reachable=is_reachable):
            raise click.UsageError(problem, click.get_current_context())
        self._cache.tape()

    def _problem(self, options: ServeOptions, *, is_reachable: bool) -> str | None:
        if self.backend is None:
            named = next((each.name for each in fields(self) if getattr(self, each.name)), None)
            return None if named is None else f"{_flag(named)} is for a gateway: add --backend ocr/v1"
        if named := next((name for name in _OF_READING if getattr(options, name) is not None), None):
            return f"{_flag(named)} is for a service that reads images itself: drop it, or drop --backend"
        if not self.uses_own:
            return self._problem_of_callers(options)
        if is_reachable and options.require_auth is None and not self.open_to_all:
            return (
                f"everybody who can reach this machine on {options.host} would use and pay with the gateway's own "
                "credentials: let in only callers with a secret by --require-auth FOLDER, listen on 127.0.0.1, "
                "or say --open-to-all"
            )
        return None

    def _problem_of_callers(self, options: ServeOptions) -> str | None:
        """Return what does not fit together where the credentials of callers are passed on."""
        if self.backend_cache is not None:
            return (
                "with --backend-cache a caller gets what another one has paid for, and nobody would check the "
                "credentials that it sends: add --backend-credentials own, or drop it"
            )
        if options.require_auth is not None:
            return (
                "with --require-auth callers show the gateway's own secrets, which cannot be passed on: "
                "add --backend-credentials own, or drop it"
            )
        return "--open-to-all is for a gateway that uses its own credentials: drop it" if self.open_to_all else None

    def warning(self, options: ServeOptions, *, is_reachable: bool) -> str | None:
        """Return what whoever starts the gateway should know, None if there is nothing."""
        if not is_reachable:
            return None
        if self.uses_own and options.require_auth is None:
            return (
                f"everybody who can reach this machine on {options.host} can use the gateway, and pays with its own "
                "credentials"
            )
        if options.keep and options.require_auth is None:
            return (
                f"everybody who can reach this machine on {options.host} can see the last {options.keep} calls, with "
                "their images: drop --keep"
            )
        if options.tls_certificate is None and not options.tls_self_signed:
            return (
                f"callers send their credentials to {options.host} in plaintext: give --tls-certificate and --tls-key, "
                "or let a proxy on this machine speak TLS"
            )
        return None

    def gateway(self, **arguments: Any) -> "Gateway":  # noqa: ANN401 - those of the faces
        """Return the running gateway.

        Raises:
            click.ClickException: an option is malformed, or a secret would be sent in plaintext.
            AuthError: the gateway has no credentials of its own.
        """
        from vision_grpc.api.ocr_v1 import OCR_V1
        from vision_grpc.gateway import Gateway
        from vision_grpc.gateway.config import GatewayConfig
        from vision_grpc.tape import TapeError

        limits: dict[str, Any] = {
            "requests_per_s": self.backend_rps,
            "deferred": self.backend_deferred,
            "calls_in_flight": self.backend_calls,
            "answer_s": self.backend_seconds,
        }
        try:
            self._cache.check()
            return Gateway(
                OCR_V1.endpoint if self.backend_endpoint is None else self.backend_endpoint,
                credentials=self._credentials(),
                cache=self._cache.tape(),
                folder_id=self.backend_folder_id,
                transport=self.backend_transport,
                root_certificates=self.backend_root_certificates,
                insecure=self.backend_insecure,
                limits=GatewayConfig(**{name: value for name, value in limits.items() if value is not None}),
                **arguments,
            )
        except TapeError as error:
            message = f"{_BackendCache.flag}: {error}"
            raise click.ClickException(message) from error
        except ValueError as error:
            text = error.text(_backend_flag_of) if isinstance(error, AdvisedError) else str(error)
            raise click.ClickException(text) from error

    @property
    def _cache(self) -> CacheWishes:
        return _BackendCache(cache=self.backend_cache, cache_mode=self.backend_cache_mode)

    @property
    def settle_s(self) -> float:
        """How much longer than without a tape the end of the gateway may take."""
        if self.backend_cache is None:
            return 0.0
        from vision_grpc.gateway.keeper import SETTLE_S

        return SETTLE_S

    def _credentials(self) -> "Credentials | None":
        if not self.uses_own:
            return None
        from vision_grpc.auth import Anonymous, default_credentials

        if self.backend_cache_mode == "none":
            return Anonymous()  # Nothing is sent.

        try:
            return default_credentials(root_certificates=self.backend_root_certificates)
        except AuthError as error:
            message = f"--backend-credentials own: {error}"
            raise click.ClickException(message) from error


class _BackendCache(CacheWishes):
    """The tape of the gateway: serve has another --cache."""

    flag = "--backend-cache"


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _backend_flag_of(setting: Setting | RunSetting, value: str) -> str | None:
    # Who calls is another option's business.
    flag = None if setting == "credentials" else flag_of(setting, value)
    return None if flag is None else flag.replace("--", "--backend-", 1)


backend_options = grouped(
    "backend",
    BackendOptions,
    (
        serve_option(
            _SECTION,
            "--backend",
            type=click.Choice(["ocr/v1"], case_sensitive=False),
            help="Read no images here: answer batchAnalyze with what this API reads.",
        ),
        serve_option(
            _SECTION,
            "--backend-endpoint",
            metavar="ADDRESS",
            help="Address of this API: host:port or a URL.  [default: the cloud's]",
        ),
        serve_option(
            _SECTION,
            "--backend-credentials",
            type=click.Choice(["caller", OWN], case_sensitive=False),
            help="Whose credentials it gets: those that each caller sends, or the gateway's own, which are found in "
            "the environment as clients find theirs.  [default: caller]",
        ),
        serve_option(
            _SECTION,
            "--open-to-all",
            is_flag=True,
            help="Let everybody who can reach the gateway use its own credentials.",
        ),
        serve_option(
            _SECTION,
            "--backend-folder-id",
            metavar="ID",
            help="Folder to bill with the gateway's own credentials of a user account.",
        ),
        serve_option(
            _SECTION,
            "--backend-transport",
            type=click.Choice(["auto", "grpc", "rest"], case_sensitive=False),
            help="Protocol of the calls.  [default: auto: gRPC, else REST]",
        ),
        serve_option(_SECTION, "--backend-insecure", is_flag=True, help="Call it without TLS; only on this machine."),
        serve_option(
            _SECTION,
            "--backend-root-certificates",
            metavar="FILE",
            type=click.Path(path_type=Path),
            help="Certificates to trust (PEM or DER).",
        ),
        serve_option(
            _SECTION,
            "--backend-rps",
            metavar="N",
            type=Number("calls a second"),
            help="Make no more than N calls a second, shared by all callers; one for each image. The cloud's quota is "
            "1 by default.",
        ),
        serve_option(
            _SECTION,
            "--backend-deferred",
            is_flag=True,
            help="Send images to operations, which have ten times the quota and promise no time to be done in.",
        ),
        serve_option(
            _SECTION,
            "--backend-calls",
            metavar="N",
            type=WholeNumber(1, 1024),
            help="Make no more than N calls at once.  [default: 16]",
        ),
        serve_option(
            _SECTION,
            "--backend-seconds",
            metavar="N",
            type=Seconds(most=DAY_S),
            help="Answer callers that name no deadline within N seconds.  [default: 60]",
        ),
        serve_option(_SECTION, "--backend-cache", **PLACE),
        serve_option(_SECTION, "--backend-cache-mode", **MODE),
    ),
)
"""Adds the options to the command, which gets them as the argument `backend`."""
