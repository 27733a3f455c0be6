"""The models of ocr/v1, and which of them are read here."""

from vision_grpc.errors import Code, ServiceError
from vision_grpc.texts.quoting import show

# Tesseract reads columns one after the other anyway.
_READ = {"": "page", "page": "page", "page-column-sort": "page", "line": "line"}
_OF_THE_CLOUD = {
    "handwritten": "handwriting",
    "table": "tables",
    "markdown": "Markdown",
    "math-markdown": "formulas",
    **dict.fromkeys(
        ("driver-license-back", "driver-license-front", "license-plates", "passport", "vehicle-registration-back",
         "vehicle-registration-front"),
        "the fields of documents",
    ),
}  # fmt: skip


def engine_model(model: str) -> str:
    """Return the model of the engine that stands for one of ocr/v1; empty is the usual one.

    Raises:
        ServiceError: the engine has no such model; the message says which there are.
    """
    if model in _READ:
        return _READ[model]
    use = f"use {', '.join(name for name in _READ if name)}"
    if model in _OF_THE_CLOUD:
        message = f"the local service does not read {_OF_THE_CLOUD[model]}, as the model {model} does: {use}"
    else:
        message = f"unknown model {show(model)}: {use}"
    raise ServiceError(Code.INVALID_ARGUMENT, message)
