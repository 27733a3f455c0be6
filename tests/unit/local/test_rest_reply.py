"""What the REST face writes for a reply."""

from collections.abc import MutableMapping

import pytest

from vision_grpc.codec.json import from_json
from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.calls.call import Call, CallIds
from vision_grpc.local.calls.reply import RawAnswer, Reply
from vision_grpc.local.faces.rest.reply import failure, write
from vision_grpc.messages import Any, BatchAnalyzeResponse, RetryInfo, Status


class _Line:
    def reset(self) -> None: ...

    def close(self) -> None: ...

    def reset_call(self) -> None: ...

    def go_away(self) -> None: ...

    def freeze(self) -> None: ...


CALL = Call(face="rest", method="/a.B/C", peer="", metadata={}, line=_Line())


def _wait(seconds: int, nanos: int = 0) -> Any:
    info, packed = RetryInfo(), Any()
    info.retry_delay.seconds, info.retry_delay.nanos = seconds, nanos
    packed.Pack(info)
    return packed


def test_a_wait_is_told_in_the_header_too_in_whole_seconds() -> None:
    for wait, told in ((_wait(0, 1), "1"), (_wait(7), "7"), (_wait(1, 500_000_000), "2"), (_wait(0), "0")):
        status = Status(code=Code.RESOURCE_EXHAUSTED, message="later", details=[wait])
        response = write(Reply(status=status), CALL)
        assert (response.status_code, response.headers["retry-after"]) == (429, told)
        assert from_json(bytes(response.body), Status) == status
    refused = failure(ServiceError(Code.UNAVAILABLE, "later", retry_after_s=0.2), CallIds.make())
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert "retry-after" not in write(Reply(status=Status(code=Code.UNAVAILABLE)), CALL).headers


def test_headers_of_a_reply_go_before_those_of_its_status() -> None:
    status = Status(code=Code.RESOURCE_EXHAUSTED, details=[_wait(7)])
    response = write(Reply(status=status, http_status=413, headers={"retry-after": "9"}), CALL)
    assert (response.status_code, response.headers["retry-after"]) == (413, "9")


def test_other_bytes_and_other_answers_are_sent_as_they_are() -> None:
    response = write(Reply(message=BatchAnalyzeResponse(), body=b"\xff"), CALL)
    assert (response.status_code, response.body) == (200, b"\xff")
    assert response.headers["x-request-id"] == CALL.ids.request_id
    response = write(Reply(raw=RawAnswer(502, {"content-type": "text/html"}, b"<html>")), CALL)
    assert (response.status_code, response.body) == (502, b"<html>")
    assert response.headers["content-type"] == "text/html"
    assert "x-request-id" not in response.headers


@pytest.mark.parametrize("pace", [None, 1e6])
@pytest.mark.parametrize(("cut_after", "bodies"), [(0, [b""]), (3, [b"{}x"])])
async def test_of_a_cut_answer_the_head_is_sent_whatever_is_cut(
    cut_after: int, bodies: list[bytes], pace: float | None
) -> None:
    sent: list[MutableMapping[str, object]] = []

    async def send(message: MutableMapping[str, object]) -> None:
        sent.append(message)

    async def receive() -> MutableMapping[str, object]:
        return {"type": "http.disconnect"}

    reply = Reply(message=BatchAnalyzeResponse(), body=b"{}xyz", cut_after=cut_after, bytes_per_s=pace)
    await write(reply, CALL)({"type": "http"}, receive, send)
    assert [message.get("body") for message in sent] == [None, *bodies]
    assert all(message["more_body"] for message in sent[1:])
