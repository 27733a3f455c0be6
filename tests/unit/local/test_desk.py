"""What the desk refuses before it reads a body, and how it ends what takes too long."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from vision_grpc.codec.retry_info import asked_wait_s
from vision_grpc.errors import Code, ServiceError
from vision_grpc.local import Identities
from vision_grpc.local.calls.budget import BodyBudget
from vision_grpc.local.calls.call import Call
from vision_grpc.local.calls.desk import Desk
from vision_grpc.local.calls.method import Method
from vision_grpc.local.calls.quota import Quota
from vision_grpc.local.calls.reply import Reply
from vision_grpc.messages import (
    AnalyzeSpec,
    BatchAnalyzeRequest,
    BatchAnalyzeResponse,
    Feature,
    FeatureTextDetectionConfig,
)

CONFIG = FeatureTextDetectionConfig(language_codes=["en"])
SPEC = AnalyzeSpec(content=b"x", features=[Feature(type=Feature.TEXT_DETECTION, text_detection_config=CONFIG)])
Read = Callable[[], Awaitable[BatchAnalyzeRequest]]


class Line:
    """A connection that nothing is done to."""

    def reset(self) -> None: ...

    close = reset_call = go_away = freeze = reset


class Noted:
    """Notes the codes of replies."""

    def __init__(self) -> None:
        self.codes: list[int] = []

    def began(self, call: Call) -> None: ...

    def ended(self, call: Call, reply: Reply) -> None:  # noqa: ARG002
        self.codes.append(0 if reply.status is None else reply.status.code)


async def answer(request: BatchAnalyzeRequest, call: Call) -> BatchAnalyzeResponse:  # noqa: ARG001
    return BatchAnalyzeResponse()


async def never(*_: object) -> BatchAnalyzeResponse:
    await asyncio.Event().wait()
    raise AssertionError


def reading(images: int = 1) -> Read:
    async def read() -> BatchAnalyzeRequest:
        return BatchAnalyzeRequest(analyze_specs=[SPEC] * images)

    return read


async def unread() -> BatchAnalyzeRequest:
    pytest.fail("the body was read")


def method(handle: Callable[..., Awaitable[BatchAnalyzeResponse]] = answer) -> Method:
    return Method("/a/B", "/b", BatchAnalyzeRequest, handle, count_images=lambda request: len(request.analyze_specs))


def call(*, deadline: float | None = None, **metadata: str) -> Call:
    names = {name.replace("_", "-"): value for name, value in metadata.items()}
    return Call(face="rest", method="/a/B", peer="", metadata=names, line=Line(), deadline=deadline)


def desk(quota: Quota | None = None, identities: Identities | None = None, *observers: Noted) -> Desk:
    return Desk(
        check_open=lambda: None,
        identities=identities,
        bodies=BodyBudget(1),
        quota=Quota() if quota is None else quota,
        observers=observers,
    )


def code_of(reply: Reply) -> Code | None:
    return None if reply.status is None else Code(reply.status.code)


async def test_a_call_is_answered() -> None:
    reply = await desk().answer(call(deadline=time.monotonic() + 60), method(), reading())
    assert reply.message == BatchAnalyzeResponse()


async def test_a_call_whose_deadline_has_passed_is_not_read() -> None:
    reply = await desk().answer(call(deadline=time.monotonic() - 1), method(), unread)
    assert code_of(reply) is Code.DEADLINE_EXCEEDED


@pytest.mark.parametrize(("read", "handle"), [(never, answer), (reading(), never)])
async def test_what_takes_too_long_ends_at_the_deadline(read: Read, handle: Callable[..., Awaitable]) -> None:  # type: ignore[type-arg]
    noted = Noted()
    reply = await desk(None, None, noted).answer(call(deadline=time.monotonic() + 0.01), method(handle), read)
    assert code_of(reply) is Code.DEADLINE_EXCEEDED
    assert noted.codes == [Code.DEADLINE_EXCEEDED]


async def test_a_time_out_of_the_services_own_is_a_bug() -> None:
    async def fail(*_: object) -> BatchAnalyzeResponse:
        raise TimeoutError

    reply = await desk().answer(call(deadline=time.monotonic() + 60), method(fail), reading())
    assert code_of(reply) is Code.INTERNAL


async def test_a_cancelled_call_is_noted() -> None:
    noted = Noted()
    task = asyncio.create_task(desk(None, None, noted).answer(call(), method(never), reading()))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert noted.codes == [Code.CANCELLED]


async def test_a_call_over_the_quota_is_not_read_and_told_when_to_come_again() -> None:
    at = desk(Quota(requests_per_s=0.5, clock=lambda: 0.0))
    assert (await at.answer(call(), method(), reading())).status is None
    refused = await at.answer(call(), method(), unread)
    assert refused.status is not None
    assert refused.status.code == Code.RESOURCE_EXHAUSTED
    assert asked_wait_s(refused.status.details) == 2
    assert refused.headers == {"retry-after": "2"}
    assert (await at.answer(call(x_test_id="another"), method(), reading())).status is None


async def test_images_over_the_quota_are_refused_as_calls_are() -> None:
    at = desk(Quota(images_per_s=8, clock=lambda: 0.0))
    assert (await at.answer(call(), method(), reading(6))).status is None
    assert (await at.answer(call(), method(), reading(2))).status is None
    refused = await at.answer(call(), method(), reading(3))
    assert refused.status is not None
    assert asked_wait_s(refused.status.details) == 0.375
    # A header has whole seconds, and no fewer than are asked for.
    assert refused.headers == {"retry-after": "1"}


async def test_what_breaks_the_contract_takes_nothing_from_the_quota_of_images() -> None:
    quota = Quota(images_per_s=8, clock=lambda: 0.0)
    assert code_of(await desk(quota).answer(call(), method(), reading(9))) is Code.INVALID_ARGUMENT
    assert quota.state()["images"].left == 8


async def test_no_quota_is_for_methods_that_read_no_images() -> None:
    quota = Quota(requests_per_s=1, clock=lambda: 0.0)
    for _ in range(3):
        reply = await desk(quota).answer(call(), method()._replace(count_images=None), reading())
        assert reply.status is None


async def test_strangers_take_nothing_from_the_quota() -> None:
    quota = Quota(requests_per_s=1, clock=lambda: 0.0)
    reply = await desk(quota, Identities()).answer(call(), method(), unread)
    assert code_of(reply) is Code.UNAUTHENTICATED
    assert quota.state()["requests"].left == 1


async def test_a_refusal_says_what_the_body_did() -> None:
    async def read() -> BatchAnalyzeRequest:
        raise ServiceError(Code.RESOURCE_EXHAUSTED, "no room", retry_after_s=1.5)

    reply = await desk().answer(call(), method(), read)
    assert reply.status is not None
    assert (reply.status.message, reply.headers) == ("no room", {"retry-after": "2"})
