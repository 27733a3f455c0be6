import pytest

from vision_grpc.api.ocr_v1 import OCR_V1
from vision_grpc.errors import Code, ProtocolError


def _text(body: bytes) -> str:
    [outcome] = OCR_V1.read_json(body, bytes)
    return outcome.text()


_WORDS = '"words":[{"text":"a"},{"text":"b","entityIndex":"-1"}]'
_PAGE = f'{{"textAnnotation":{{"width":"10","blocks":[{{"lines":[{{{_WORDS}}}]}}]}},"page":"0"}}'


@pytest.mark.parametrize(
    "body",
    [
        f'{{"result":{_PAGE}}}',
        f'{{"result":{_PAGE}}}\n',
        f' {{ "result" : {_PAGE} , "unknown": 1 }}\r\n\r\n',
        _PAGE,
        f"[{_PAGE}]",
        f'[{{"result":{_PAGE}}}]',
        f'{{\n"result":\n{_PAGE}\n}}',
        '{"result":{"text_annotation":{"width":"10","blocks":[{"lines":[{"words":[{"text":"a"},{"text":"b"}]}]}]}}}',
        f'{{"result":{{"text_annotation":{{"blocks":[{{"lines":[{{"alternatives":[{{{_WORDS}}}]}}]}}]}}}}}}',
    ],
)
def test_one_page_in_any_form(body: str) -> None:
    assert _text(body.encode()) == "a b"


@pytest.mark.parametrize("between", ["\n", "", " \n\n", "\r\n"])
def test_pages_one_after_the_other(between: str) -> None:
    second = _PAGE.replace('"page":"0"', '"page":"1"')
    assert _text(f'{{"result":{_PAGE}}}{between}{{"result":{second}}}'.encode()) == "a b\n\na b"


def test_an_error_after_a_page() -> None:
    body = f'{{"result":{_PAGE}}}\n{{"error":{{"code":13,"message":"lost t0ken"}}}}'
    [outcome] = OCR_V1.read_json(body.encode(), lambda wire: wire.replace(b"t0ken", b"*****"))
    error = outcome.error()
    assert error is not None
    assert (error.code, error.message, outcome.text()) == (Code.INTERNAL, "lost *****", "a b")


def test_an_error_alone_is_no_outcome() -> None:
    assert not OCR_V1.read_json(b'{"error":{"code":8,"message":"quota"}}', bytes)


@pytest.mark.parametrize(
    "body",
    [
        b"{}", b'{"result":{}}', b'{"result":null}', b"[]", b"5", b'{"result":{"textAnnotation":5}}', b"{", b"\xff",
        b'{"result":{"page":"1"}}', b'{"result":{"textAnnotation":{}}}{', b"[" * 100_000,
        b'{"result":{"textAnnotation":{"blocks":[{"lines":[{"alternatives":{}}]}]},"page":"x"}}',
    ],
)  # fmt: skip
def test_what_is_no_answer_is_an_error(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        OCR_V1.read_json(body, bytes)
