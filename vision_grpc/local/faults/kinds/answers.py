"""The answer is not what the service has read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from vision_grpc.codec.json import to_json
from vision_grpc.errors import Code
from vision_grpc.local.calls.call import Call
from vision_grpc.local.calls.images import features_of, images_of
from vision_grpc.local.calls.reply import Reply
from vision_grpc.local.faces.rest.reply import json_lines
from vision_grpc.local.faults.checks import Text, Whole
from vision_grpc.local.faults.fault import Fault, Match, has_digest
from vision_grpc.local.faults.kinds.statuses import CODES, MESSAGES, refusal
from vision_grpc.messages import AnalyzeResult, BatchAnalyzeResponse, FeatureResult, Status

# Of no field of the contract, so that parsers pass it over.
_PADDING_TAG = b"\xfa\xff\xff\xff\x0f"
_RESULTS = Whole(1, 1_000)
_INDEX = Whole(0, 999)


@dataclass(frozen=True, slots=True, kw_only=True)
class Short(Fault):
    """The last results are missing, one or as many as it says; of a stream, the last messages."""

    kind: ClassVar[str] = "short"
    changes_results: ClassVar[bool] = True
    main: ClassVar[str | None] = "results"
    least_images: ClassVar[int] = 1
    results: Annotated[int, _RESULTS] = 1

    def after(self, call: Call, reply: Reply, match: Match) -> Reply:
        if reply.stream is not None:
            return reply._replace(stream=reply.stream[: max(0, len(reply.stream) - self.results)])

        def shorten(answer: BatchAnalyzeResponse) -> None:
            del answer.results[max(0, len(answer.results) - self.results) :]

        return _change(reply, shorten)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extra(Fault):
    """There are more results than images: the last one again, once or as often as it says; of a stream, messages."""

    kind: ClassVar[str] = "extra"
    changes_results: ClassVar[bool] = True
    main: ClassVar[str | None] = "results"
    least_images: ClassVar[int] = 1
    results: Annotated[int, _RESULTS] = 1

    def after(self, call: Call, reply: Reply, match: Match) -> Reply:
        if reply.stream is not None:
            return reply._replace(stream=[*reply.stream, *[reply.stream[-1]] * self.results])

        def extend(answer: BatchAnalyzeResponse) -> None:
            answer.results.extend([answer.results[-1]] * self.results)

        return _change(reply, extend)


@dataclass(frozen=True, slots=True, kw_only=True)
class Swapped(Fault):
    """The first two results change places."""

    kind: ClassVar[str] = "swapped"
    changes_results: ClassVar[bool] = True
    least_images: ClassVar[int] = 2

    def after(self, call: Call, reply: Reply, match: Match) -> Reply:
        def swap(answer: BatchAnalyzeResponse) -> None:
            first, second, *others = answer.results
            answer.CopyFrom(BatchAnalyzeResponse(results=[second, first, *others]))

        return _change(reply, swap)


@dataclass(frozen=True, slots=True, kw_only=True)
class Garbage(Fault):
    """The answer is a text that is no answer, with a good status and the right content type."""

    kind: ClassVar[str] = "garbage"
    main: ClassVar[str | None] = "body"
    body: Annotated[str, Text(65_536)] = "<html>no answer</html>"

    def after(self, call: Call, reply: Reply, match: Match) -> Reply:
        return reply._replace(body=self.body.encode()) if reply.messages else reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Oversized(Fault):
    """The answer is right, and padded to more bytes than clients take."""

    kind: ClassVar[str] = "oversized"
    main: ClassVar[str | None] = "bytes"
    bytes: Annotated[int, Whole(1, 128 * 1024 * 1024)] = 65 * 1024 * 1024

    def after(self, call: Call, reply: Reply, match: Match) -> Reply:
        if not reply.messages:
            return reply
        *others, last = reply.messages
        if call.face == "rest":
            # White space behind the last value belongs to its line.
            body = to_json(last) if reply.stream is None else json_lines(reply).rstrip()
            return reply._replace(body=body.ljust(self.bytes))
        wire = last.SerializeToString()
        padding = max(0, self.bytes - len(wire))
        padded = b"".join((wire, _PADDING_TAG, _varint(padding), bytes(padding)))
        if reply.stream is None:
            return reply._replace(body=padded)
        return reply._replace(stream=[*others, type(last).FromString(padded)])


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageError(Fault):
    """Images have errors in place of texts: the one at `index`, those of the digest that the rule matches, or all.

    A stream, which is the answer to one file, ends with the error and has no message. An operation fails with it.
    """

    kind: ClassVar[str] = "image-error"
    main: ClassVar[str | None] = "code"
    code: Annotated[str, CODES]
    message: Annotated[str, MESSAGES] = "a fault on command"
    index: Annotated[int, _INDEX] | None = None

    def fits(self, features: Sequence[int]) -> bool:
        return len(features) > (0 if self.index is None else self.index)

    async def before(self, call: Call) -> Reply | None:
        _order(call, self.code, self.message)
        return None

    def after(self, call: Call, reply: Reply, match: Match) -> Reply:
        if reply.stream is not None:
            return refusal(Code[self.code], self.message, call.ids)

        def spoil(answer: BatchAnalyzeResponse) -> None:
            for number in _struck(call, match, self.index):
                answer.results[number].CopyFrom(AnalyzeResult(error=Status(code=Code[self.code], message=self.message)))

        return _change(reply, spoil)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureError(Fault):
    """Features have errors in place of texts: the one numbered `feature` or all, of the images of `image-error`."""

    kind: ClassVar[str] = "feature-error"
    main: ClassVar[str | None] = "code"
    code: Annotated[str, CODES]
    message: Annotated[str, MESSAGES] = "a fault on command"
    index: Annotated[int, _INDEX] | None = None
    feature: Annotated[int, _INDEX] | None = None

    def fits(self, features: Sequence[int]) -> bool:
        struck = features if self.index is None else features[self.index : self.index + 1]
        return any(count > (0 if self.feature is None else self.feature) for count in struck)

    async def before(self, call: Call) -> Reply | None:
        _order(call, self.code, self.message)
        return None

    def after(self, call: Call, reply: Reply, match: Match) -> Reply:
        if reply.stream is not None:
            return refusal(Code[self.code], self.message, call.ids)

        def spoil(answer: BatchAnalyzeResponse) -> None:
            error = FeatureResult(error=Status(code=Code[self.code], message=self.message))
            features = features_of(call.request)
            for number in _struck(call, match, self.index):
                if self.feature is None:
                    answer.results[number].CopyFrom(AnalyzeResult(results=[error] * features[number]))
                elif self.feature < len(answer.results[number].results):
                    answer.results[number].results[self.feature].CopyFrom(error)

        return _change(reply, spoil)


def _order(call: Call, code: str, message: str) -> None:
    """Let the operation that a call may start fail: it has the one file of the call."""
    call.fate = call.fate._replace(error=Status(code=Code[code], message=message))


def _struck(call: Call, match: Match, index: int | None) -> list[int]:
    """Return the numbers of the images that have an error."""
    images = images_of(call.request)
    if index is not None:
        return [index]
    return [number for number, image in enumerate(images) if match.digest is None or has_digest(image, match.digest)]


def _change(reply: Reply, change: Callable[[BatchAnalyzeResponse], None]) -> Reply:
    """Return a reply with another answer; one without results stays as it is."""
    if not isinstance(reply.message, BatchAnalyzeResponse):
        return reply
    answer = BatchAnalyzeResponse()
    answer.CopyFrom(reply.message)
    change(answer)
    return reply._replace(message=answer)


def _varint(number: int) -> bytes:
    groups: list[int] = []
    while number > 0x7F:  # noqa: PLR2004 - seven bits a byte
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*groups, number])
