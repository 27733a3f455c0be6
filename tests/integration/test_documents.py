"""What is read from documents of pages, by the real engine."""

from collections.abc import Iterator

import pytest
from documents import make_pdf, make_tiff, scanned, text
from PIL import Image
from scanned_pages import ScannedPage

from vision_grpc import Image as NamedImage
from vision_grpc import VisionClient
from vision_grpc.local import LocalVision
from vision_grpc.results import ImageResult
from vision_grpc.sources.containers.openers import document_opener_of
from vision_grpc.sources.fit import Fitted, prepare
from vision_grpc.sources.item import Item
from vision_grpc.sources.options import SourceOptions

_OPTIONS = SourceOptions(fit=True)
_LANGUAGES = ["ru", "en"]


@pytest.fixture(scope="module")
def client() -> Iterator[VisionClient]:
    with LocalVision() as service, VisionClient(service.grpc_endpoint, insecure=True) as client:
        yield client


@pytest.mark.parametrize("suffix", [".pdf", ".tiff"])
def test_scanned_pages_give_the_text_and_the_boxes_of_their_images(
    client: VisionClient, pages: dict[str, ScannedPage], suffix: str
) -> None:
    # Grey, so that the page has the very pixels of the image.
    images = [Image.open(page.path).convert("L") for page in pages.values()]
    document = make_pdf([scanned(image, 150) for image in images]) if suffix == ".pdf" else make_tiff(images)
    by_page = [_boxes(result) for result in _analyze(client, document, suffix)]
    by_image = [_boxes(client.analyze(page.path, languages=_LANGUAGES)) for page in pages.values()]
    assert by_page == by_image
    assert all(len(boxes) > 100 for boxes in by_page)


def test_written_pages_are_read_and_their_boxes_lie_where_the_text_is(client: VisionClient) -> None:
    page = text("Invoice number", left=100, above=600) + text("four thousand", left=300, above=200)
    (result,) = _analyze(client, make_pdf([scanned(Image.new("L", (595, 842), 255), 72, page)]), ".pdf")
    assert result.text.split() == ["Invoice", "number", "four", "thousand"]
    points = 72 / 300
    invoice, _, four, _ = (box for _, box in _boxes(result))
    for (left, _, _, bottom), (x, y) in ((invoice, (100, 600)), (four, (300, 200))):
        assert left * points == pytest.approx(x, abs=3)
        assert 842 - bottom * points == pytest.approx(y, abs=3)


def _analyze(client: VisionClient, document: bytes, suffix: str) -> list[ImageResult]:
    opener = document_opener_of(suffix, _OPTIONS)
    assert opener is not None
    items = [entry for entry in opener(document, f"a{suffix}", _OPTIONS) if isinstance(entry, Item)]
    fitted = {item.key: fitted for item in items if isinstance(fitted := prepare(item), Fitted)}
    assert len(fitted) == len(items)
    images = [NamedImage(key, each.content) for key, each in fitted.items()]
    results = client.analyze_many(images, languages=_LANGUAGES, ordered=True)
    return [fitted[result.key].change.restore(result) for result in results]


def _boxes(result: ImageResult) -> list[tuple[str, tuple[int, int, int, int]]]:
    return [(word.text, word.box) for word in result.words()]
