"""A Vision service on this machine: real OCR behind the real contract, over gRPC and REST.

It needs the `local` extra and Tesseract's language data. It imports nothing from the client.
"""

from importlib.util import find_spec

# The modules are looked up but not imported: Tesseract is loaded only when a service starts.
_MISSING = [
    name
    for name in (
        "grpc_health",
        "grpc_reflection",
        "hpack",
        "hyperframe",
        "PIL",
        "prometheus_client",
        "starlette",
        "tesserocr",
    )
    if find_spec(name) is None
]
if _MISSING:
    _MESSAGE = f"vision_grpc.local needs {', '.join(_MISSING)}: pip install 'vision-grpc[local]'"
    raise ImportError(_MESSAGE)

from vision_grpc.local.cloud.iam import Identities  # noqa: E402
from vision_grpc.local.errors import LocalServiceError  # noqa: E402 - the check above explains a failed import
from vision_grpc.local.server import LocalVision  # noqa: E402

__all__ = ["Identities", "LocalServiceError", "LocalVision"]
