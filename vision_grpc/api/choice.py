"""The APIs by their names; what a client does not speak is not imported."""

from typing import Literal, get_args

from vision_grpc.api.api import Api

ApiName = Literal["vision/v1", "ocr/v1"]
API_NAMES: tuple[ApiName, ...] = get_args(ApiName)
"""The first is the default."""


def api_of(name: str) -> Api | None:
    """Return the API with this name, None if there is none."""
    if name == "vision/v1":
        from vision_grpc.api.vision_v1 import VISION_V1

        return VISION_V1
    if name == "ocr/v1":
        from vision_grpc.api.ocr_v1 import OCR_V1

        return OCR_V1
    return None
