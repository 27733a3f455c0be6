"""The line of each call in the log."""

import logging
import threading
import time
from typing import Any, cast

import pytest

from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.calls.call import Call, Line
from vision_grpc.local.calls.log import CALL_FIELDS, AccessLog
from vision_grpc.local.calls.reply import Reply
from vision_grpc.messages import (
    AnalyzeResult,
    AnalyzeSpec,
    BatchAnalyzeRequest,
    BatchAnalyzeResponse,
    FeatureResult,
    GetOperationRequest,
    GetRecognitionRequest,
    Operation,
    Status,
)

METHOD = "/yandex.cloud.ai.vision.v1.VisionService/BatchAnalyze"
SECRET = "t1.9euelZqMnpWTlJ6Jm5mVk5CanJKRm-3rnpWaj5qVkpSMlI6TlZaYnJiRl53l8_cQ"  # noqa: S105 - of nobody


def call(images: int = 1, **metadata: str) -> Call:
    line = cast("Line", None)  # No fault breaks it.
    names = {name.replace("_", "-"): value for name, value in metadata.items()}
    made = Call(face="rest", method=METHOD, peer="127.0.0.1:5", metadata=names, line=line, left=threading.Event())
    made.request = BatchAnalyzeRequest(analyze_specs=[AnalyzeSpec()] * images)
    made.request_bytes = 1234
    return made


def refused(message: str, code: Code = Code.INVALID_ARGUMENT) -> Reply:
    return Reply.to_error(ServiceError(code, message), call().ids)


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "vision_grpc")
    return caplog


def fields(logged: pytest.LogCaptureFixture) -> dict[str, Any]:
    return dict(getattr(logged.records[-1], CALL_FIELDS))


def test_a_call_is_one_line(logged: pytest.LogCaptureFixture) -> None:
    one = call(images=3)
    one.started_at = time.monotonic() - 2
    unsupported = FeatureResult(error=Status(code=Code.INVALID_ARGUMENT))
    results = [
        AnalyzeResult(results=[FeatureResult()]),
        AnalyzeResult(results=[FeatureResult(), unsupported]),
        AnalyzeResult(error=Status(code=Code.DEADLINE_EXCEEDED)),
    ]
    AccessLog().ended(one, Reply(message=BatchAnalyzeResponse(results=results)))
    (record,) = logged.records
    began = f"call id={one.ids.request_id} peer=127.0.0.1:5 transport=rest method=BatchAnalyze images=3 bytes=1234 ms=2"
    assert record.getMessage().startswith(began)
    codes = "code=OK image_codes='OK:1,INVALID_ARGUMENT:1,DEADLINE_EXCEEDED:1'"
    assert record.getMessage().endswith(codes.replace("'", ""))
    assert fields(logged)["image_codes"] == {"OK": 1, "INVALID_ARGUMENT": 1, "DEADLINE_EXCEEDED": 1}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/yandex.cloud.ai.ocr.v1.TextRecognitionService/Recognize", "Recognize"),
        ("/yandex.cloud.ai.ocr.v1.TextRecognitionAsyncService/Recognize", "TextRecognitionAsyncService/Recognize"),
        ("/yandex.cloud.ai.ocr.v1.TextRecognitionAsyncService/GetRecognition", "GetRecognition"),
        ("/yandex.cloud.operation.OperationService/Get", "OperationService/Get"),
    ],
)
def test_methods_are_told_apart(path: str, name: str, logged: pytest.LogCaptureFixture) -> None:
    one = call()
    one.method = path
    AccessLog().ended(one, Reply(message=Operation(id="fop1")))
    assert fields(logged)["method"] == name


def test_calls_of_an_operation_name_it(logged: pytest.LogCaptureFixture) -> None:
    one = call()
    AccessLog().ended(one, Reply(message=Operation(id="fop1")))
    assert " code=OK operation=fop1" in logged.messages[-1]
    one.request = GetRecognitionRequest(operation_id="fop2")
    AccessLog().ended(one, refused("not ready", Code.NOT_FOUND))
    assert fields(logged)["operation"] == "fop2"
    one.request = GetOperationRequest(operation_id=SECRET)
    AccessLog().ended(one, refused("unknown", Code.NOT_FOUND))
    assert SECRET not in logged.text


def test_a_failed_call_says_why(logged: pytest.LogCaptureFixture) -> None:
    AccessLog().ended(call(x_test_id="t 1", authorization=f"Bearer {SECRET}"), refused("no\nsuch thing"))
    assert logged.messages[0].endswith(" code=INVALID_ARGUMENT error='no\\nsuch thing' test_id='t 1'")
    assert SECRET not in logged.text


@pytest.mark.parametrize("text", ["x" * 10_000_000, "a\x1b[2J\u2028b", "'\"\\", "é" * 300, "\ud800"])
def test_what_clients_write_is_bounded_and_one_line(text: str, logged: pytest.LogCaptureFixture) -> None:
    AccessLog().ended(call(x_test_id=text), refused(text.replace("\ud800", "")))
    (line,) = logged.messages
    assert len(line) < 1500
    assert line.isprintable()


def test_no_secret_is_shown_as_the_id_of_a_test(logged: pytest.LogCaptureFixture) -> None:
    AccessLog().ended(call(x_test_id=SECRET), Reply(status=Status(code=Code.NOT_FOUND, message=SECRET)))
    assert SECRET not in logged.text
    assert SECRET not in str(fields(logged))


def test_a_code_that_does_not_exist_is_a_number(logged: pytest.LogCaptureFixture) -> None:
    AccessLog().ended(call(), Reply(status=Status(code=99)))
    assert " code=CODE_99" in logged.messages[0]


def test_faults_are_named(logged: pytest.LogCaptureFixture) -> None:
    one = call()
    one.struck_by = ("slow", "b b")
    AccessLog().ended(one, refused("", Code.UNAVAILABLE))
    assert logged.messages[0].endswith(" code=UNAVAILABLE faults='slow,b b'")


def test_nothing_is_made_for_a_log_that_nobody_reads(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "vision_grpc")
    AccessLog().ended(None, None)  # type: ignore[arg-type] # neither is looked at
    assert caplog.messages == []
