"""What users of OCRmyPDF may say about the service."""

from argparse import ArgumentParser, ArgumentTypeError
from dataclasses import dataclass, fields
from math import isfinite
from typing import Self

from ocrmypdf import OcrOptions
from ocrmypdf.exceptions import BadArgsError

_PREFIX = "vision_"


@dataclass(frozen=True, slots=True)
class VisionOptions:
    """The values of our options; each is `--vision-` and its name, and `vision_` and its name in Python."""

    endpoint: str | None = None
    insecure: bool = False
    local: bool = False
    model: str | None = None
    max_pages: int | None = None
    rps: float | None = None
    keep_going: bool = False

    @classmethod
    def of(cls, options: OcrOptions) -> Self:
        """Return those of a run.

        Raises:
            BadArgsError: they contradict each other, or a value is not possible.
        """
        names = (field.name for field in fields(cls))
        given = cls(**{name: value for name in names if (value := getattr(options, _PREFIX + name, None)) is not None})
        if given.local and given.endpoint is not None:
            message = "--vision-local starts a service of its own: leave out --vision-endpoint"
            raise BadArgsError(message)
        for name, value, parse in (("max-pages", given.max_pages, _count), ("rps", given.rps, _rate)):
            if value is not None:
                try:
                    parse(str(value))
                except ArgumentTypeError as error:
                    message = f"--vision-{name}: {error}"
                    raise BadArgsError(message) from error
        return given


def is_chosen(options: OcrOptions) -> bool:
    """Return whether pages are to be read by the service: not if another engine is named, or none."""
    return options.ocr_engine == "auto"


def add_arguments(parser: ArgumentParser) -> None:
    """Add a group of options to OCRmyPDF's."""
    group = parser.add_argument_group(
        "Yandex Vision",
        "Read pages by the Vision service (plugin vision_grpc.ocrmypdf). Each page is sent as a picture, and billed. "
        "Credentials come from the environment: YC_API_KEY, YC_IAM_TOKEN and more; `vision-grpc doctor` shows which. "
        "To try it without an account: --vision-local.",
    )
    group.add_argument(
        "--vision-local",
        action="store_true",
        help="Read pages on this machine, by a local service that is started for the run. Nothing is sent or billed.",
    )
    group.add_argument(
        "--vision-endpoint",
        metavar="HOST:PORT",
        help="Where the service is; by default the cloud's, or VISION_GRPC_ENDPOINT.",
    )
    group.add_argument(
        "--vision-insecure", action="store_true", help="Connect in plaintext: to a service on this machine."
    )
    group.add_argument(
        "--vision-model",
        choices=("page", "line"),
        help="What a page shows: a page of text, or a single line. By default a page.",
    )
    group.add_argument(
        "--vision-max-pages",
        metavar="N",
        type=_count,
        help="Refuse a document of which more than N pages would be read, before anything is sent.",
    )
    group.add_argument(
        "--vision-rps", metavar="N", type=_rate, help="Send at most N pages a second: your quota. 0.5 is fine."
    )
    group.add_argument(
        "--vision-keep-going",
        action="store_true",
        help="Leave a page that cannot be read without text, with a warning. By default the run fails.",
    )


def _count(text: str) -> int:
    if text.isdecimal() and (count := int(text)) > 0:
        return count
    message = f"{text!r} is not a number of pages, such as 100"
    raise ArgumentTypeError(message)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if isfinite(rate) and rate > 0:
        return rate
    message = f"{text!r} is not a number of pages a second, such as 10 or 0.5"
    raise ArgumentTypeError(message)
