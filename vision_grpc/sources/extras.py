"""What a source of an extra says where the extra is not installed."""

from vision_grpc.errors import Code
from vision_grpc.results import ImageError

_PACKAGES = {"PIL": "pillow", "pillow_heif": "pillow-heif"}


def describe_missing(error: ImportError, extra: str) -> str:
    """Return what is not installed and how to install it."""
    module = (error.name or str(error)).partition(".")[0]
    package = _PACKAGES.get(module, module)
    return f"{package} is not installed: pip install 'vision-grpc[{extra}]'"


def missing_extra(error: ImportError, extra: str, name: str) -> ImageError:
    """Return the error of an image that cannot be read for that; `name` is ready to be shown."""
    return ImageError(Code.FAILED_PRECONDITION, f"{name}: cannot be read, {describe_missing(error, extra)}")
