"""The models that the documentation of each API names. A service may have more, so that others are sent, too."""

VISION_V1_MODELS = ("page", "line")

_FOR_DOCUMENTS = (
    "passport",
    "driver-license-front",
    "driver-license-back",
    "vehicle-registration-front",
    "vehicle-registration-back",
    "license-plates",
)

OCR_V1_MODELS = (
    "page", "page-column-sort", "handwritten", "table", "markdown", "math-markdown", *_FOR_DOCUMENTS,
)  # fmt: skip


def is_of_ocr_v1_alone(model: str) -> bool:
    """Return whether a model is known of ocr/v1, and not of vision/v1."""
    # Pages of 2020 name models for documents as those of vision/v1, too.
    return model in OCR_V1_MODELS and model not in (*VISION_V1_MODELS, *_FOR_DOCUMENTS)
