import pytest

from vision_grpc.cli.amounts import compact, duration, moment, pace, plural, short_duration, size


@pytest.mark.parametrize(("count", "text"), [(0, "0 images"), (1, "1 image"), (1234, "1,234 images")])
def test_a_number_has_its_noun(count: int, text: str) -> None:
    assert plural(count, "image") == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (999, "999"), (1000, "1k"), (1999, "1k"), (999_999, "999k"), (2_500_000, "2M"), (7 * 10**12, "7000G")],
)
def test_a_number_is_short_and_never_too_high(count: int, text: str) -> None:
    assert compact(count) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 KB"),
        (999_949, "999.9 KB"),
        (999_951, "1.0 MB"),
        (1_234_567, "1.2 MB"),
        (5 * 10**9, "5.0 GB"),
        (12 * 10**12, "12.0 TB"),
        (5 * 10**15, "5,000.0 TB"),
    ],
)
def test_bytes(count: int, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(
    ("images_per_s", "text"),
    [(0.0, "0"), (0.0123, "0.012"), (0.95, "0.95"), (1.0, "1.0"), (99.94, "99.9"), (312.4, "312"), (4321.0, "4,321")],
)
def test_a_pace(images_per_s: float, text: str) -> None:
    assert pace(images_per_s) == text


@pytest.mark.parametrize(
    ("seconds", "text", "short"),
    [
        (-0.1, "0.0 s", "0 s"),
        (0.44, "0.4 s", "0 s"),
        (9.9, "9.9 s", "10 s"),
        (59.4, "59 s", "59 s"),
        (59.6, "1 min 0 s", "1 min"),
        (601, "10 min 1 s", "10 min"),
        (3599.7, "1 h 0 min", "1 h"),
        (7400, "2 h 3 min", "2 h"),
        (86_400, "1 day 0 h", "1 d"),
        (200_000, "2 days 7 h", "2 d"),
    ],
)
def test_times(seconds: float, text: str, short: str) -> None:
    assert (duration(seconds), short_duration(seconds)) == (text, short)


def test_a_moment_is_that_of_utc() -> None:
    assert moment(1_795_910_399.9) == "2026-11-28T23:59:59Z"


@pytest.mark.parametrize(("seconds", "text"), [(1e12, "9999-12-31T23:59:59Z"), (-1e12, "0001-01-01T00:00:00Z")])
def test_a_file_system_may_have_times_without_a_date(seconds: float, text: str) -> None:
    assert moment(seconds) == text
