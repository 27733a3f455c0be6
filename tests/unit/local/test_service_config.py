"""Settings of a service that have no meaning are refused where they are given."""

from dataclasses import fields
from typing import Any

import pytest

from vision_grpc.local.config import ServiceConfig

NAN = float("nan")
REFUSED: dict[str, list[object]] = {
    "grace_s": [-1, NAN, None, "1"],
    "requests_per_s": [0, -1, NAN, "1", True],
    "images_per_s": [0, -1, NAN, "1", True],
    "recognition_s": [0, -1, NAN, "1", False],
    "threads": [0, -1, 1.5, "1", True],
    "waiting_images": [-1, 1.5, None],
    "body_bytes": [0, -1, 1.5, None],
    "head_s": [0, NAN, None],
    "body_pause_s": [0, NAN, None],
    "body_s": [0, NAN, None],
    "hosts": ["example.org", ("a", 1), ["a"], None],
    "cors_origins": ["https://example.org", (b"x",), None],
    "keep_calls": [-1, 1.5, None],
    "keep_bytes": [-1, 1.5, None],
    "cache_bytes": [-1, 1.5, None],
    "quota": ["none", 1, True, ""],
    "keep_results_s": [0, -1, NAN, None],
    "keep_operations": [0, -1, 1.5, None],
    "keep_operation_bytes": [0, -1, 1.5, None],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in REFUSED.items() for value in values])
def test_a_setting_without_meaning_is_refused_by_its_name(name: str, value: Any) -> None:  # noqa: ANN401
    with pytest.raises((TypeError, ValueError), match=f"ServiceConfig.{name} is "):
        ServiceConfig(**{name: value})


def test_every_setting_is_checked() -> None:
    assert {field.name for field in fields(ServiceConfig)} == set(REFUSED)


def test_numbers_are_taken_as_they_are_meant() -> None:
    config = ServiceConfig(threads=2.0, waiting_images=0, grace_s=0, hosts=("a",), recognition_s=None)  # type: ignore[arg-type]
    assert (config.threads, type(config.threads), config.hosts) == (2, int, ("a",))
