"""Request bodies in slices: the JSON of the request, of a length known before, never all at once."""

import tracemalloc

import pytest

from vision_grpc.codec.json import RequestBody, from_json, to_json
from vision_grpc.codec.json.printer import print_message
from vision_grpc.messages import AnalyzeSpec, BatchAnalyzeRequest, Feature, FeatureTextDetectionConfig

_FEATURE = Feature(
    type=Feature.TEXT_DETECTION, text_detection_config=FeatureTextDetectionConfig(language_codes=["ru", '"'])
)
_REQUESTS = [
    BatchAnalyzeRequest(),
    BatchAnalyzeRequest(folder_id='папка "1"'),
    BatchAnalyzeRequest(analyze_specs=[AnalyzeSpec()]),
    BatchAnalyzeRequest(analyze_specs=[AnalyzeSpec(content=b"")]),
    BatchAnalyzeRequest(analyze_specs=[AnalyzeSpec(signature="x", mime_type="image/png")], folder_id="f"),
    BatchAnalyzeRequest(
        analyze_specs=[AnalyzeSpec(content=bytes(range(256)) * size, features=[_FEATURE, Feature()]) for size in (1, 9)]
        + [AnalyzeSpec(features=[_FEATURE])],
        folder_id="f",
    ),
]


@pytest.mark.parametrize("request_message", _REQUESTS, ids=range(len(_REQUESTS)))
@pytest.mark.parametrize("slice_bytes", [1, 4, 64, 1000, 192 * 1024])
def test_is_the_json_of_the_request(request_message: BatchAnalyzeRequest, slice_bytes: int) -> None:
    body = RequestBody.of_request(request_message, slice_bytes=slice_bytes)

    text = b"".join(body)

    assert text == bytes(body) == to_json(request_message) == print_message(request_message).encode()
    assert from_json(text, BatchAnalyzeRequest, ignore_unknown=False) == request_message
    assert len(text) == body.content_length
    assert b"".join(body) == text, "a body can be sent again"


@pytest.mark.parametrize("sizes", [[], [0], [1], [2], [3], [1000, 999, 998]])
@pytest.mark.parametrize("folder_id", ["", "b1g"])
def test_contents_need_no_message(sizes: list[int], folder_id: str) -> None:
    contents = [b"\xff" * size for size in sizes]
    specs = [AnalyzeSpec(content=content, features=[_FEATURE]) for content in contents]

    body = RequestBody.of_contents(contents, [_FEATURE], folder_id, slice_bytes=100)

    text = b"".join(body)
    assert from_json(text, BatchAnalyzeRequest) == BatchAnalyzeRequest(analyze_specs=specs, folder_id=folder_id)
    assert len(text) == body.content_length


def test_small_images_share_a_slice() -> None:
    body = RequestBody.of_contents([b"x" * 3000] * 8, [_FEATURE], "", slice_bytes=16_000)

    lengths = list(map(len, body))
    assert len(lengths) == 3
    assert max(lengths) <= 16_000


def test_no_more_than_slices_is_in_memory() -> None:
    contents = [b"x" * 2_000_000] * 4
    body = RequestBody.of_contents(contents, [_FEATURE], "", slice_bytes=100_000)
    tracemalloc.start()

    longest = max(map(len, body))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert longest <= 100_000
    assert peak < 1_000_000
