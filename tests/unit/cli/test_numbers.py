"""Options that are numbers."""

from typing import Any

import click
import pytest

from vision_grpc.cli.numbers import DAY_S, Age, ByteCount, Number, Seconds, WholeNumber


@pytest.mark.parametrize(
    ("kind", "value", "number"),
    [
        (WholeNumber(1), "1", 1),
        (WholeNumber(1), "12345678901234567890", 12345678901234567890),
        (WholeNumber(0, 65535), "0", 0),
        (WholeNumber(0, 65535), "65535", 65535),
        (Number("calls a second"), "0.5", 0.5),
        (Number("calls a second"), "1e-300", 1e-300),
        (Number("calls a second"), "1e300", 1e300),
        (Seconds(most=DAY_S), "86400", 86400.0),
        (Seconds(most=DAY_S), 60, 60.0),
        (Seconds(most=DAY_S, zero=True), "0", 0.0),
        (Seconds(most=DAY_S, zero=True), "-0.0", 0.0),
        (ByteCount(), "0", 0),
        (ByteCount(), "4096", 4096),
        (ByteCount(), "64KB", 64_000),
        (ByteCount(), "64k", 64_000),
        (ByteCount(), "1.5 GB", 1_500_000_000),
        (ByteCount(), "256MiB", 256 * 1024**2),
        (ByteCount(), "12 B", 12),
        (ByteCount(), "0.5kib", 512),
        (Age(), "3600s", 3600.0),
        (Age(), "90 s", 90.0),
        (Age(), "1.5min", 90.0),
        (Age(), "12H", 43_200.0),
        (Age(), "30d", 30 * DAY_S),
        (Age(), "2w", 14 * DAY_S),
    ],
)
def test_a_number_that_an_option_takes(kind: "click.ParamType[Any]", value: str, number: float) -> None:
    assert kind.convert(value, None, None) == number


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        (WholeNumber(1), ["0", "-1", "1.5", "ten", "", "9" * 5000], "a whole number of 1 or more"),
        (WholeNumber(1, 1024), ["0", "1025", "nan"], "a whole number from 1 to 1024"),
        (
            Number("calls a second"),
            ["0", "-0.0", "-1", "nan", "inf", "1e999", "ten", ""],
            "a number of calls a second above 0",
        ),
        (Seconds(most=DAY_S, zero=True), ["-1", "nan", "inf", ""], "a number of seconds from 0, at most 86400"),
        (
            ByteCount(),
            ["", "-1", "MB", "1XB", "1e3", "1,5MB", "1 M i B", "9" * 5000],
            "a size such as 4096, 64KB or 256MiB",
        ),
        (
            Age(),
            ["", "0", "30", "0d", "-1d", "d", "1y", "30 days", "1e3s", "nan", "9" * 5000],
            "an age such as 90s, 12h or 30d",
        ),
        (Seconds(most=DAY_S), ["0", "86400.1", "nan", "inf", "1h"], "a number of seconds above 0, at most 86400"),
    ],
)
def test_a_number_that_an_option_does_not_take(kind: "click.ParamType[Any]", values: list[str], expected: str) -> None:
    for value in values:
        with pytest.raises(click.BadParameter) as caught:
            kind.convert(value, None, None)
        assert caught.value.message == f"{value!r} is not {expected}"
