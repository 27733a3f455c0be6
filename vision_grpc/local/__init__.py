"""A Vision service on this machine: real OCR behind the real contract, over gRPC and REST.

It needs the `local` extra and Tesseract's language data. It imports nothing from the client.
"""

from vision_grpc.texts.extras import need_extra

need_extra(
    __name__,
    "local",
    "grpc_health",
    "grpc_reflection",
    "hpack",
    "hyperframe",
    "PIL",
    "prometheus_client",
    "starlette",
    "tesserocr",
)

from vision_grpc.local.cloud.iam import Identities
from vision_grpc.local.errors import LocalServiceError
from vision_grpc.local.server import LocalVision

__all__ = ["Identities", "LocalServiceError", "LocalVision"]
