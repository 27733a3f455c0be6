import pytest

from vision_grpc import AsyncVisionClient, VisionClient
from vision_grpc.api.ocr_v1 import OCR_V1
from vision_grpc.api.vision_v1 import VISION_V1
from vision_grpc.auth import Anonymous
from vision_grpc.config import Limits
from vision_grpc.errors import InvalidRequestError, SettingError
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.session.settings import Settings


def _resolve(environ: dict[str, str], **arguments: object) -> Settings:
    defaults: dict[str, object] = {
        "endpoint": None, "transport": None, "credentials": Anonymous(), "folder_id": None, "root_certificates": None,
        "insecure": False,
    }  # fmt: skip
    return Settings.resolve(environ, **{**defaults, **arguments})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("environ", "given", "target"),
    [
        ({}, None, "vision.api.cloud.yandex.net:443"),
        ({"VISION_GRPC_API": ""}, None, "vision.api.cloud.yandex.net:443"),
        ({"VISION_GRPC_API": "ocr/v1"}, None, "ocr.api.cloud.yandex.net:443"),
        ({"VISION_GRPC_API": " OCR/v1\n"}, None, "ocr.api.cloud.yandex.net:443"),
        ({"VISION_GRPC_API": "ocr/v1"}, "vision/v1", "vision.api.cloud.yandex.net:443"),
        ({"VISION_GRPC_ENDPOINT": "own.example:1"}, "ocr/v1", "own.example:1"),
    ],
)
def test_an_api_is_chosen_and_brings_its_endpoint(environ: dict[str, str], given: str | None, target: str) -> None:
    settings = _resolve(environ, api=given)
    assert isinstance(settings.endpoint, Endpoint)
    assert settings.endpoint.target == target
    assert settings.api is (OCR_V1 if "ocr" in (given or environ.get("VISION_GRPC_API", "")).lower() else VISION_V1)


@pytest.mark.parametrize(("environ", "given"), [({}, "ocr/v2"), ({}, ""), ({"VISION_GRPC_API": "vision"}, None)])
def test_an_unknown_api_is_refused_with_those_that_are_known(environ: dict[str, str], given: str | None) -> None:
    with pytest.raises(SettingError, match="is not one of vision/v1, ocr/v1"):
        _resolve(environ, api=given)


def test_only_ocr_v1_has_the_folder_in_a_header() -> None:
    assert not _resolve({}, folder_id="b1g").headers
    assert _resolve({}, api="ocr/v1", folder_id="b1g").headers == (("x-folder-id", "b1g"),)


@pytest.mark.parametrize("client", [VisionClient, AsyncVisionClient])
def test_an_api_is_a_name(client: type[VisionClient | AsyncVisionClient]) -> None:
    with pytest.raises(TypeError, match="'vision/v1' or 'ocr/v1'"):
        client(api=1)  # type: ignore[arg-type]


def test_limits_of_an_api_are_those_that_were_left_at_their_defaults() -> None:
    assert VISION_V1.limits(Limits()) == Limits()
    assert OCR_V1.limits(Limits(requests_per_s=1)) == Limits(content_bytes=10 * 2**20, pdf=True, requests_per_s=1)
    assert OCR_V1.limits(Limits(content_bytes=5)).content_bytes == 5


@pytest.mark.parametrize("folder_id", ["папка", "b1gé"])
def test_a_folder_that_no_header_can_name_is_refused_before_anything_is_sent(folder_id: str) -> None:
    with pytest.raises(InvalidRequestError, match="folder_id"):
        VisionClient("127.0.0.1:1", api="ocr/v1", folder_id=folder_id, insecure=True)


@pytest.mark.parametrize("operation_id", ["\ud800", "a\nb", "ид"])
def test_what_is_not_the_id_of_an_operation_is_refused_before_anything_is_sent(operation_id: str) -> None:
    with VisionClient("127.0.0.1:1", api="ocr/v1", insecure=True) as client:
        for ask in (client.operation, client.cancel_operation):
            with pytest.raises(InvalidRequestError, match="operation_id"):
                ask(operation_id)
