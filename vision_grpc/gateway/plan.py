"""A request of batchAnalyze as calls of ocr/v1, and the answers to these as the answer to it."""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from vision_grpc.config import Limits
from vision_grpc.contract.image_header import check_image
from vision_grpc.errors import Code, RequestTooLargeError, ServiceError
from vision_grpc.local.calls.failure import status_of
from vision_grpc.local.ocr_v1.file_kind import FileKind, check_mime_type
from vision_grpc.messages import (
    AnalyzeResult,
    AnalyzeSpec,
    BatchAnalyzeRequest,
    BatchAnalyzeResponse,
    Feature,
    FeatureResult,
    Status,
    TextAnnotation,
)
from vision_grpc.sources.image import Image
from vision_grpc.texts.quoting import show

Outcome: TypeAlias = TextAnnotation | ServiceError
"""What came of a wish."""

# Both APIs have them. ocr/v1 has more, which no request of vision/v1 may name.
_MODELS = ("", "page", "line")
# Such an error says nothing about the file.
_OF_THE_CALL = frozenset(
    {Code.CANCELLED, Code.DEADLINE_EXCEEDED, Code.PERMISSION_DENIED, Code.RESOURCE_EXHAUSTED, Code.UNAUTHENTICATED,
     Code.UNAVAILABLE}
)  # fmt: skip
_KEY = "the file"
_OF_THE_CALLER = (Code.UNAUTHENTICATED, Code.PERMISSION_DENIED)


class Wish(NamedTuple):
    """One call of ocr/v1: a file, and what is asked about its text."""

    content: bytes
    languages: tuple[str, ...]
    model: str

    @property
    def image(self) -> Image:
        """The file with what is asked."""
        return Image(_KEY, self.content, self.languages, self.model or None)

    def __repr__(self) -> str:
        return f"Wish(<{len(self.content)} bytes>, {self.languages}, {self.model!r})"


class Plan:
    """What has to be asked to answer a request. Features of a file that ask the same are asked once."""

    def __init__(self, request: BatchAnalyzeRequest) -> None:
        self.wishes: list[Wish] = []
        # For each file its error, or for each feature its error or the number of its wish.
        self._files = [self._file(spec) for spec in request.analyze_specs]

    def response(self, outcomes: Sequence[Outcome]) -> BatchAnalyzeResponse:
        """Return the answer, where these are the outcomes of the wishes.

        Raises:
            ServiceError: nothing was read, and not for what the files are.
        """
        if (failure := failure_of(outcomes)) is not None:
            raise failure
        return BatchAnalyzeResponse(results=[_result(file, outcomes) for file in self._files])

    def _file(self, spec: AnalyzeSpec) -> Status | list[Status | int]:
        if spec.WhichOneof("source") == "signature":
            return _invalid("ocr/v1 has no signatures: send the image itself in content")
        content = spec.content
        kind = FileKind.of(content)
        try:
            check_mime_type(spec.mime_type, kind)
        except ServiceError as error:
            return _invalid(error.message)
        # The contract names JPEG and PNG; who says that it is a PDF, knows that the service behind reads it.
        is_pdf = kind is FileKind.PDF and bool(spec.mime_type)
        if problem := check_image(content, Limits(pdf=is_pdf)):
            return _invalid(problem)
        asked: dict[Wish, int] = {}
        return [self._feature(content, feature, asked) for feature in spec.features]

    def _feature(self, content: bytes, feature: Feature, asked: dict[Wish, int]) -> Status | int:
        if feature.type != Feature.TEXT_DETECTION:
            name = Feature.Type.Name(feature.type) if feature.type in Feature.Type.values() else str(feature.type)
            return _invalid(f"ocr/v1 has no feature {name}: use TEXT_DETECTION")
        if not feature.HasField("text_detection_config"):
            return _invalid("TEXT_DETECTION needs a text_detection_config")
        config = feature.text_detection_config
        if config.model not in _MODELS:
            return _invalid(f"unknown model {show(config.model)}: use {', '.join(filter(None, _MODELS))}")
        wish = Wish(content, tuple(config.language_codes), config.model)
        if wish not in asked:
            asked[wish] = len(self.wishes)
            self.wishes.append(wish)
        return asked[wish]


def failure_of(outcomes: Sequence[Outcome]) -> ServiceError | None:
    """Return the error of a call as a whole, None where it has an answer.

    It fails where no wish was fulfilled, and none failed for what its file is: the caller may have to show other
    credentials, or send all of it again.
    """
    failures = [outcome for outcome in outcomes if isinstance(outcome, ServiceError)]
    if not failures or len(failures) < len(outcomes):
        return None
    if any(error.code not in _OF_THE_CALL or isinstance(error, RequestTooLargeError) for error in failures):
        return None
    return next((error for code in _OF_THE_CALLER for error in failures if error.code is code), failures[0])


def is_of_the_caller(outcome: Outcome) -> bool:
    """Return whether a wish failed for who asked: no other wish of the call would fare better."""
    return isinstance(outcome, ServiceError) and outcome.code in _OF_THE_CALLER


def _result(file: Status | list[Status | int], outcomes: Sequence[Outcome]) -> AnalyzeResult:
    if isinstance(file, Status):
        return AnalyzeResult(error=file)
    found = [outcomes[each] for each in file if isinstance(each, int)]
    refused = [each for each in found if isinstance(each, ServiceError) and each.code is Code.INVALID_ARGUMENT]
    if refused and len(refused) == len(found):
        # ocr/v1 does not say whether the file or the question was wrong.
        return AnalyzeResult(error=status_of(refused[0]))
    return AnalyzeResult(
        results=[
            FeatureResult(error=each) if isinstance(each, Status) else _feature_result(outcomes[each]) for each in file
        ]
    )


def _feature_result(outcome: Outcome) -> FeatureResult:
    if isinstance(outcome, ServiceError):
        return FeatureResult(error=status_of(outcome))
    return FeatureResult(text_detection=outcome)


def _invalid(message: str) -> Status:
    return Status(code=Code.INVALID_ARGUMENT, message=message)
