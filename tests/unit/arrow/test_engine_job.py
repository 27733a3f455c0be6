import pickle
from pathlib import Path
from threading import Lock
from typing import Any

import pytest

from vision_grpc import InvalidRequestError, Limits
from vision_grpc.arrow.analysis.analysis import Analysis
from vision_grpc.arrow.analysis.engine import Job
from vision_grpc.auth import Anonymous, ApiKey

_SECRET = "AQVNkeykeykeykeykeykeykeykey"  # noqa: S105 - made up


def _job(languages: list[str] | None = None, **settings: Any) -> Job:  # noqa: ANN401
    return Job.of(Analysis("image", "key", (), languages or ["*"], None, "text", "row"), settings, pickle.dumps)


def test_it_can_be_pickled_and_shows_no_setting() -> None:
    job = _job(endpoint="vision.example:443", metadata={"x-key": _SECRET}, root_certificates=_SECRET.encode())
    assert _SECRET not in repr(job)
    assert "image='image'" in repr(job)
    assert pickle.loads(pickle.dumps(job)) == job  # noqa: S301 - our own


def test_the_api_is_chosen_for_all_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _job().settings["api"] == "vision/v1"
    monkeypatch.setenv("VISION_GRPC_API", "ocr/v1")
    job = _job(credentials=Anonymous())
    assert job.settings["api"] == "ocr/v1"
    assert job.limits.content_bytes > Limits().content_bytes


def test_credentials_with_a_secret_are_for_the_environment_of_workers() -> None:
    with pytest.raises(TypeError) as caught:
        _job(credentials=ApiKey(_SECRET))
    assert str(caught.value) == (
        "credentials is of type ApiKey, which cannot be sent to workers: leave it out, and the workers find theirs in "
        "their environment, such as YC_API_KEY"
    )


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"api_key": _SECRET}, "AsyncVisionClient has no argument api_key: give credentials=ApiKey(...)"),
        ({"credentials": _SECRET}, "credentials is of type str"),
        ({"limits": 5}, "limits is 5, must be Limits"),
        ({"insecure": "yes"}, "insecure is 'yes', must be True or False"),
        ({"on_event": 1}, "on_event is 1, must be a function"),
        ({"quota": "host:50"}, "quota is 'host:50', must be an object of vision_grpc.quota"),
        ({"api": "vision/v9"}, "the API 'vision/v9' is not one of"),
        ({"transport": lambda: None}, "transport is"),
        (
            {"on_event": Lock().acquire},
            "on_event is of type builtin_function_or_method, which cannot be sent to workers",
        ),
    ],
    ids=["unknown", "credentials", "limits", "insecure", "on_event", "quota", "api", "transport", "a lock in it"],
)
def test_settings_are_checked_where_the_plan_is_made(settings: dict[str, Any], expected: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        _job(**settings)
    assert expected in str(caught.value)
    assert _SECRET not in str(caught.value)


def test_languages_are_checked_where_the_plan_is_made() -> None:
    with pytest.raises(InvalidRequestError):
        _job(["x" * 99])


def test_all_workers_have_the_tape_of_this_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tape = _job(cache="tape").settings["cache"]
    assert pickle.loads(pickle.dumps(tape)).location == str(tmp_path / "tape")  # noqa: S301 - our own
    with pytest.raises(TypeError, match="cache is 5, must be a folder"):
        _job(cache=5)
