import pytest

from vision_grpc.api.vision_v1 import VISION_V1
from vision_grpc.bulk.forecast import Forecast, least_s
from vision_grpc.bulk.progress import Progress
from vision_grpc.cli.dry_run import print_dry_run
from vision_grpc.config import Limits
from vision_grpc.sources.item import Item, Skipped


def lines(
    forecast: Forecast,
    capsys: pytest.CaptureFixture[str],
    *,
    progress: Progress | None = None,
    limits: Limits | None = None,
    budget: int | None = None,
) -> list[str]:
    progress = Progress(0.0) if progress is None else progress
    print_dry_run(progress, forecast, Limits() if limits is None else limits, fits=False, budget=budget)
    return capsys.readouterr().out.splitlines()


def test_what_would_be_sent(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(0.0)
    progress.skip(Skipped("new\nline.webp", ".webp", can_be_fitted=True))
    for ok in (True, True, False):
        progress.done_before(ok=ok)
    forecast = Forecast(images=1200, content_bytes=240_000_000, unsized=3, fitted={".webp": 7})
    assert lines(forecast, capsys, progress=progress, limits=Limits(images_per_s=2)) == [
        "to send: 1,200 images, at least 240.0 MB (the size of 3 is not known)",
        "to fit: 7 .webp",
        "done before: 3 images, 1 of them not read",
        "billed: 1,200 units",
        "time: at least 10 min 0 s at this quota",
        r"1 file skipped: 1 .webp ($'new\nline.webp'): add --fit to read them",
    ]


@pytest.mark.parametrize(
    ("limits", "seconds"),
    [
        (Limits(), None),
        (Limits(requests_per_s=2.0), 2.5),
        (Limits(images_per_s=10.0), 3.3),
        (Limits(requests_per_s=1.0, images_per_s=100.0), 5.0),
        (Limits(requests_per_s=100.0, images_per_s=1.0), 33.0),
    ],
)
def test_the_time_is_what_the_quota_asks_for(limits: Limits, seconds: float | None) -> None:
    assert least_s(33, limits, VISION_V1) == seconds


def test_an_image_of_unknown_size_is_counted_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert lines(Forecast(images=1, unsized=1), capsys)[0] == "to send: 1 image, of unknown size"


def test_no_more_is_sent_than_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    forecast = Forecast(3)
    for number in range(5):
        forecast.add(Item(f"{number}.webp", lambda _: b"", content_bytes=1000), Limits(), fits=True)
    assert lines(forecast, capsys, limits=Limits(images_per_s=0.5)) == [
        "to send: 3 images, 3.0 KB",
        "left for later runs: 2 images, as --max-images is 3",
        "to fit: 3 .webp",
        "billed: 3 units",
        "time: at least 6.0 s at this quota",
    ]


def test_the_budget_ends_the_time_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    told = lines(Forecast(images=100), capsys, limits=Limits(images_per_s=0.5), budget=3)
    assert told[-1] == "time: at least 6.0 s at this quota"


def test_without_a_quota_the_time_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert lines(Forecast(images=1), capsys)[-1] == (
        "time: as fast as the service answers; --rps and --images-per-second set a quota"
    )


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        (None, "billed: 10 units"),
        (15, "billed: 10 units, within the budget of 15"),
        (14, "billed: 10 units; the budget of 14 ends the run after 9"),
        (3, "billed: 10 units; the budget of 3 ends the run after 0"),
    ],
)
def test_a_budget_counts_what_earlier_runs_have_cost(
    budget: int | None, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    progress = Progress(0.0)
    progress.earlier_billed_units = 5
    assert said in lines(Forecast(images=10), capsys, progress=progress, budget=budget)
