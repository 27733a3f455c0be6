"""The options that limit how fast a run goes and what it costs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from vision_grpc.cli.flags import in_flags
from vision_grpc.cli.numbers import Number, WholeNumber
from vision_grpc.cli.sections import grouped, option
from vision_grpc.config import Limits

if TYPE_CHECKING:
    # Imported where it is used, as help and usage errors are to come soon.
    from vision_grpc.network.tls import Pem
    from vision_grpc.quota import SharedQuota

_SECTION = "Quota and cost"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaWishes:
    """What the options say."""

    jobs: int
    rps: float | None
    images_per_second: float | None
    shared_quota: str | None
    max_images: int | None
    budget: int | None
    deferred: bool | None

    def limits(self) -> Limits:
        """Return the limits of the client."""
        return Limits(calls_in_flight=self.jobs, requests_per_s=self.rps, images_per_s=self.images_per_second)

    def shared(self, root_certificates: "Pem | None") -> "SharedQuota | None":
        """Return the quota that this run shares with others, None without one.

        Its service is trusted by these certificates where it speaks TLS.

        Raises:
            click.ClickException: the address is not one.
        """
        if self.shared_quota is None:
            return None
        from vision_grpc.quota import SharedQuota
        from vision_grpc.quota.address import parse_address

        try:
            roots = None if parse_address(self.shared_quota).plaintext else root_certificates
            return SharedQuota(self.shared_quota, root_certificates=roots)
        except ValueError as error:
            message = f"--shared-quota: {in_flags(error)}"
            raise click.ClickException(message) from error


_OPTIONS = (
    option(
        _SECTION,
        "-j",
        "--jobs",
        "--max-in-flight",
        metavar="N",
        type=WholeNumber(1, 1024),
        default=Limits().calls_in_flight,
        help="Make N calls at the same time, of up to 8 images each; from 1 to 1024.  "
        f"[default: {Limits().calls_in_flight}]",
    ),
    option(
        _SECTION,
        "--rps",
        metavar="N",
        type=Number("calls a second"),
        help="Start at most N calls a second: your quota. Fractions such as 0.5 are fine.",
    ),
    option(
        _SECTION,
        "--images-per-second",
        metavar="N",
        type=Number("images a second"),
        help="Send at most N images a second, if the quota counts those.",
    ),
    option(
        _SECTION,
        "--shared-quota",
        metavar="HOST:PORT",
        help="Share a quota with other runs and programs: the address of vision-grpc quota, which hands it out. With "
        "https:// before it the connection is protected, and --root-certificates holds for it, too.",
    ),
    option(
        _SECTION,
        "--max-images",
        metavar="N",
        type=WholeNumber(1),
        help="Send at most N images in this run; with -o OUT.jsonl, the next one goes on.",
    ),
    option(
        _SECTION,
        "--budget",
        metavar="N",
        type=WholeNumber(1),
        help="Let at most N images, or pages of documents, be billed, by this run and all others with the same -o.",
    ),
    option(
        _SECTION,
        "--deferred/--no-deferred",
        default=None,
        help="Let the service accept each file, and fetch its result when it is ready: its quota for that is ten times "
        "as large. Or wait for each answer.  [default: --deferred with ocr/v1; vision/v1 cannot]",
    ),
)
quota_options = grouped("quota", QuotaWishes, _OPTIONS)
"""Adds the options to a command, which gets them as the argument `quota`."""
