"""What may go along with each call."""

import pytest

from vision_grpc import VisionClient
from vision_grpc.errors import SettingError
from vision_grpc.session.metadata import read_metadata
from vision_grpc.session.settings import Arguments


def test_names_and_values_go_along_as_they_are_but_for_case() -> None:
    assert read_metadata({"X-Test-Id": "a b", "x.y_z": ""}) == (("x-test-id", "a b"), ("x.y_z", ""))
    assert read_metadata({}) == read_metadata(None) == ()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"authorization": "Bearer secret"}, "'authorization' is set by the client itself"),
        ({"Content-Type": "text/plain"}, "'Content-Type' is set by the client itself"),
        ({"grpc-timeout": "1S"}, "is set by the client itself"),
        ({"Proxy-Connection": "close"}, "is set by the client itself"),
        ({"host": "x"}, "is set by the client itself"),
        ({"x-data-bin": "secret"}, "would have to be binary"),
        ({"x test": "secret"}, "is not a name"),
        ({"": "secret"}, "is not a name"),
        ({":path": "secret"}, "is not a name"),
        ({"я": "secret"}, "is not a name"),
        ({"x-test-id\n": "secret"}, "is not a name"),
        ({"x-test-id": "secret\r\nx-other: 1"}, "has a value that is not printable ASCII"),
        ({"x-test-id": "secret "}, "has a value that is not printable ASCII"),
        ({"x-test-id": "секрет"}, "has a value that is not printable ASCII"),
        ({"x-test-id": "1", "X-Test-Id": "secret"}, "'X-Test-Id' is there twice"),
    ],
)
def test_what_cannot_be_sent_is_refused_without_its_value(given: dict[str, str], told: str) -> None:
    with pytest.raises(SettingError, match=told) as caught:
        VisionClient("localhost:1", insecure=True, metadata=given)
    assert "secret" not in str(caught.value)


def test_values_are_not_in_the_repr() -> None:
    assert "secret" not in repr(Arguments(metadata={"x-a": "secret"}))
