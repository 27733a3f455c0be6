"""What a client may do while the service of its quota is away."""

import pickle
from typing import Any

import pytest

from vision_grpc.errors import SettingError
from vision_grpc.quota import EnvoyQuota, SharedQuota
from vision_grpc.quota.share import Share
from vision_grpc.stream.rate import PERIOD_S


def times(share: Share, count: int, images: int = 1, now: float = 0.0) -> list[float]:
    found: list[float] = []
    for _ in range(count):
        found.append(share.ready_at(now))
        share.charge(images, found[-1])
    return found


def test_it_is_what_the_user_states_and_begins_at_once() -> None:
    assert times(Share(2), 3, now=5) == pytest.approx([5, 5 + PERIOD_S / 2, 5 + PERIOD_S])


def test_what_the_service_named_last_holds() -> None:
    share = Share(2)
    share.told(10, None, 0.0)
    share.told(4, None, 0.0)
    assert share.per_s(8) == 4
    assert times(share, 2) == pytest.approx([0, PERIOD_S / 4])


def test_it_can_be_kept_for_a_while() -> None:
    share = Share(2)
    share.kept_until = 1.0
    share.told(20, None, 0.9)
    assert share.per_s(1) == 2
    share.told(20, None, 1.0)
    assert share.per_s(1) == 20


@pytest.mark.parametrize(
    ("requests_per_s", "images_per_s", "images", "per_s"),
    [(10, 16, 8, 2), (10, 16, 1, 10), (None, 16, 4, 4), (None, None, 4, 1)],
)
def test_images_count_where_they_are_limited(
    requests_per_s: float | None, images_per_s: float | None, images: int, per_s: float
) -> None:
    share = Share(1)
    share.told(requests_per_s, images_per_s, 0.0)
    assert share.per_s(images) == per_s
    first, second = times(share, 2, images)
    assert second - first == pytest.approx(PERIOD_S / per_s)


def test_its_own_requests_come_after_those_that_were_permitted() -> None:
    share = Share(1)
    share.told(10, None, 0.0)
    share.permitted(1, [7.0, 7.05, 7.1])
    assert share.ready_at(7.0) == pytest.approx(7.1 + PERIOD_S / 10)
    assert share.ready_at(9.0) == 9.0


@pytest.mark.parametrize(
    ("arguments", "error", "complaint"),
    [
        ({"address": 7}, TypeError, "endpoint"),
        ({"address": "a b:7"}, SettingError, "neither host:port nor"),
        ({"address": "ftp://a:7"}, SettingError, "neither host:port nor"),
        ({"address": "quota.internal"}, SettingError, "'quota.internal' has no port: write host:port"),
        ({"address": " [::1] "}, SettingError, "has no port"),
        ({"share_requests_per_s": 0}, ValueError, "share_requests_per_s is 0"),
        ({"share_requests_per_s": "1"}, TypeError, "share_requests_per_s is"),
        ({"client": ""}, ValueError, "client is '', must be a name of 1 to 100"),
        ({"client": "two\nlines"}, ValueError, "printable"),
        ({"client": "x" * 101}, ValueError, "1 to 100"),
        ({"client": 7}, TypeError, "client is 7, must be a name"),
    ],
)
def test_wrong_arguments_of_a_shared_quota(arguments: dict[str, Any], error: type[Exception], complaint: str) -> None:
    with pytest.raises(error, match=complaint):
        SharedQuota(**{"address": "127.0.0.1:7", **arguments})


@pytest.mark.parametrize(
    ("arguments", "error", "complaint"),
    [
        ({"domain": ""}, ValueError, "needs a domain"),
        ({"domain": None}, TypeError, "domain is None"),
        ({"descriptors": {}}, ValueError, "at least one entry"),
        ({"descriptors": []}, ValueError, "at least one entry"),
        ({"descriptors": "api"}, TypeError, "descriptors is 'api'"),
        ({"descriptors": None}, TypeError, "descriptors is None"),
        ({"descriptors": {"api": 1}}, TypeError, "a mapping of texts"),
        ({"descriptors": [{"api": "ocr"}, "x"]}, TypeError, "a descriptor is 'x'"),
        ({"counts": "pages"}, ValueError, "must be one of requests, images"),
    ],
)
def test_wrong_arguments_of_a_rate_limit_service(
    arguments: dict[str, Any], error: type[Exception], complaint: str
) -> None:
    with pytest.raises(error, match=complaint):
        EnvoyQuota("127.0.0.1:7", **{"domain": "vision", "descriptors": {"api": "ocr"}, **arguments})


@pytest.mark.parametrize(
    "quota",
    [
        SharedQuota("127.0.0.1:7", share_requests_per_s=3, client="me"),
        EnvoyQuota("127.0.0.1:7", domain="vision", descriptors=[{"api": "ocr"}, {"all": ""}], counts="images"),
    ],
)
def test_it_is_pickled_as_its_settings(quota: SharedQuota | EnvoyQuota) -> None:
    copy = pickle.loads(pickle.dumps(quota))  # noqa: S301 - our own
    assert repr(copy) == repr(quota)
    copy.close()
