"""Who takes what of a shared quota, as a table or as JSON."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from vision_grpc.cli.amounts import duration
from vision_grpc.cli.quota_service import describe_quota
from vision_grpc.texts.quoting import quote_name

if TYPE_CHECKING:
    from pathlib import Path

    from vision_grpc.quota import Usage

_HEAD = ("client", "requests/s", "images/s", "waiting", "requests", "images")


def show_usage(address: str, *, root_certificates: "Path | None", as_json: bool) -> None:
    """Print who takes what.

    Raises:
        SettingError: the address is neither host:port nor a URL, or the certificates cannot be read.
        TransportError: no service was reached there.
    """
    from vision_grpc.quota.look import look_at_usage

    usage = look_at_usage(address, root_certificates=root_certificates)
    click.echo(_object(usage) if as_json else _table(usage))


def _object(usage: "Usage") -> str:
    return json.dumps(
        {
            "requests_per_s": usage.requests_per_s,
            "images_per_s": usage.images_per_s,
            "up_s": round(usage.up_s, 3),
            "clients": [
                each._asdict()
                | {"requests_per_s": round(each.requests_per_s, 3), "images_per_s": round(each.images_per_s, 3)}
                for each in usage.clients
            ],
            "other_requests": usage.other_requests,
            "other_images": usage.other_images,
        }
    )


def _table(usage: "Usage") -> str:
    rows: list[Sequence[str]] = [_HEAD]
    rows += [
        (
            quote_name(each.client),
            f"{each.requests_per_s:.2f}",
            f"{each.images_per_s:.2f}",
            str(each.waiting),
            str(each.requests),
            str(each.images),
        )
        for each in usage.clients
    ]
    if usage.other_requests:
        rows.append(("(earlier ones)", "", "", "", str(usage.other_requests), str(usage.other_images)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [_row(row, widths) for row in rows]
    title = f"{describe_quota(usage.requests_per_s, usage.images_per_s)}, handed out for {duration(usage.up_s)}"
    note = "Requests and images a second are those of the last minute."
    return "\n".join([title, "", *lines, "", note] if usage.clients else [title, "", "No client has come yet."])


def _row(row: Sequence[str], widths: Sequence[int]) -> str:
    name, *numbers = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
    return "  ".join([row[0].ljust(len(name)), *numbers]).rstrip()
