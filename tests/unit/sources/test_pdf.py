import os
import subprocess
import sys
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from itertools import count
from pathlib import Path
from tempfile import NamedTemporaryFile

import pytest
from documents import A4, PdfPage, make_pdf, scan, scanned, text
from PIL import Image, ImageChops, ImageDraw

from vision_grpc.config import Limits
from vision_grpc.results import ImageError
from vision_grpc.sources.containers.pdf import open_pdf
from vision_grpc.sources.containers.pdf.page import Page, Rendering
from vision_grpc.sources.containers.pdf.pdfium import File, open_page
from vision_grpc.sources.containers.pdf.workers import _pool
from vision_grpc.sources.fit import Fitted, prepare
from vision_grpc.sources.item import PAGE_PAST_LIMIT, PAGE_WITH_TEXT, Entry, Fault, Item, Skipped
from vision_grpc.sources.options import SourceOptions

_OPTIONS = SourceOptions(fit=True)
_SKIP_TEXT = SourceOptions(fit=True, skip_text=True)
_PIXELS = Limits().pixels
_numbers = count()


def entries(document: bytes, options: SourceOptions = _OPTIONS) -> list[Entry]:
    return list(open_pdf(document, "a.pdf", options))


def names(found: list[Entry]) -> list[str]:
    return [entry.key if isinstance(entry, Item) else entry.name for entry in found]


def read(entry: Entry) -> Fitted | ImageError:
    assert isinstance(entry, Item)
    return prepare(entry)


def error_of(entry: Entry) -> str:
    error = read(entry)
    assert isinstance(error, ImageError)
    return error.message


@contextmanager
def first_page(document: bytes) -> Generator[Page]:
    with NamedTemporaryFile() as file:
        file.write(document)
        file.flush()
        with open_page(File(file.name.encode(), (next(_numbers),)), 1) as page:
            yield page


def render(page: PdfPage, most_pixels: int = _PIXELS) -> Rendering:
    with first_page(make_pdf([page])) as opened:
        return opened.render(most_pixels)


def black_box(rendering: Rendering) -> tuple[int, ...] | None:
    """Return where something is drawn."""
    return ImageChops.invert(rendering.to_picture().convert("L")).getbbox()


def test_a_page_is_an_item_and_its_number_is_in_its_key() -> None:
    assert names(entries(make_pdf([PdfPage(), PdfPage(), PdfPage()]))) == [
        f"a.pdf#page={number}" for number in (1, 2, 3)
    ]
    assert names(entries(make_pdf([PdfPage()]))) == ["a.pdf#page=1"]


def test_the_first_pages_are_read_and_the_others_counted() -> None:
    document = make_pdf([PdfPage()] * 5)
    *pages, rest = entries(document, SourceOptions(fit=True, max_pages=2))
    assert names(pages) == ["a.pdf#page=1", "a.pdf#page=2"]
    assert rest == Skipped("a.pdf#page=3-5", PAGE_PAST_LIMIT, can_be_fitted=False, images=3, is_wished=True)
    assert len(entries(document, SourceOptions(fit=True, max_pages=5))) == 5
    assert entries(document, SourceOptions(fit=True, max_pages=4))[-1] == rest._replace(name="a.pdf#page=5", images=1)


@pytest.mark.parametrize(
    ("drawing", "is_skipped"),
    [
        (text("A page that was written."), True),
        (text("Seen by nobody, found by all.", mode=3), True),
        (text("Page 1 of 12"), False),
        (text(" " * 100), False),
        (b"", False),
        (scan(), False),
        (scan() + text("What a program read here.", mode=3), True),
    ],
    ids=["written", "invisible", "page number", "blanks", "empty", "scan", "scan with text"],
)
def test_pages_with_text_are_left_out_on_request(drawing: bytes, is_skipped: bool) -> None:  # noqa: FBT001 - a case
    document = make_pdf([PdfPage(drawing), PdfPage()])
    first, second = entries(document, _SKIP_TEXT)
    assert isinstance(first, Skipped) == is_skipped
    if is_skipped:
        assert first == Skipped("a.pdf#page=1", PAGE_WITH_TEXT, can_be_fitted=False, is_wished=True)
    assert isinstance(second, Item)
    assert all(isinstance(entry, Item) for entry in entries(document))


def test_an_encrypted_document_needs_its_password() -> None:
    (entry,) = entries(make_pdf([PdfPage(), PdfPage()], opened_by="secret"))
    assert names([entry]) == ["a.pdf#page=1"]
    assert error_of(entry) == "a.pdf: the PDF is encrypted and needs a password: save it without one"


def test_an_encrypted_document_without_a_password_is_opened() -> None:
    document = make_pdf([PdfPage(text("behind no password"))], opened_by="")
    assert len(entries(document)) == 1
    with first_page(document) as page:
        assert page.read_text().strip() == "behind no password"


@pytest.mark.parametrize(
    "document", [b"%PDF-1.7\n", b"%PDF!", b"%PDF-1.7\n" + b"\0" * 5_000, make_pdf([PdfPage()])[:200]]
)
def test_a_damaged_document_is_one_page_that_ends_as_an_error(document: bytes) -> None:
    (entry,) = entries(document)
    assert names([entry]) == ["a.pdf#page=1"]
    assert error_of(entry) == "a.pdf: the PDF is damaged: save or copy it again"


def test_a_document_without_pages_is_an_error() -> None:
    (entry,) = entries(make_pdf([]))
    assert error_of(entry) == "a.pdf: the PDF has no pages"


def test_a_document_that_lost_its_list_of_places_is_read() -> None:
    whole = make_pdf([PdfPage(text("one of them")), PdfPage()])
    assert names(entries(whole.replace(b"\nxref\n", b"\nlost\n"))) == ["a.pdf#page=1", "a.pdf#page=2"]


def test_pages_that_are_counted_and_not_there_are_one_error() -> None:
    *there, absent = entries(make_pdf([PdfPage(), PdfPage()], count=40_000))
    assert names(there) == ["a.pdf#page=1", "a.pdf#page=2"]
    assert error_of(absent) == (
        "a.pdf#page=3: the pages 3 to 40,000 are not in the file, though it counts them: save or copy it again"
    )
    assert "this page is not in the file" in error_of(entries(make_pdf([PdfPage()], count=2))[-1])
    assert len(entries(make_pdf([PdfPage()], count=9), SourceOptions(fit=True, max_pages=1))) == 2


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"plain text"])
def test_what_is_no_pdf_is_one_image(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(content)
    (entry,) = open_pdf(str(path), str(path), _OPTIONS)
    assert isinstance(entry, Item)
    assert (entry.key, entry.path) == (str(path), str(path))
    assert entry.read(Limits()) == content


def test_a_pdf_after_other_bytes_is_read() -> None:
    assert len(entries(b"\xef\xbb\xbf junk \n" + make_pdf([PdfPage()]))) == 1


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (entry,) = open_pdf(str(tmp_path / "absent.pdf"), "absent.pdf", _OPTIONS)
    assert "no such file" in error_of(entry)


def test_a_name_that_is_not_utf_8_is_read(tmp_path: Path) -> None:
    path = str(tmp_path / "caf\udce9.pdf")
    Path(path).write_bytes(make_pdf([PdfPage(), PdfPage()]))
    assert names(list(open_pdf(path, path, _OPTIONS))) == [f"{path}#page=1", f"{path}#page=2"]


def test_a_file_that_changes_meanwhile_ends_its_list(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(make_pdf([PdfPage(text("many letters on it"))] * 30))
    listed = open_pdf(str(path), "a.pdf", SourceOptions(fit=True, skip_text=True))
    assert isinstance(next(listed), Skipped)
    path.write_bytes(make_pdf([PdfPage()]))
    *_, last = listed
    assert isinstance(last, Fault)
    assert "the file was changed while its pages were read" in last.error.message
    assert last.error.retryable


def test_a_written_page_is_rendered_at_300_dpi_and_grey() -> None:
    rendering = render(PdfPage(text("words")))
    assert (rendering.size, rendering.dpi, rendering.is_grey) == ((2479, 3508), 300, True)
    assert rendering.points == A4[2:]
    assert rendering.to_picture().mode == "L"


def test_a_page_with_colour_is_rendered_in_it() -> None:
    rendering = render(PdfPage(b"1 0 0 rg 100 100 20 20 re f"))
    picture = rendering.to_picture()
    assert (rendering.is_grey, picture.mode) == (False, "RGB")
    assert picture.getpixel((round(110 * 300 / 72), round((842 - 110) * 300 / 72))) == (255, 0, 0)


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
@pytest.mark.parametrize("dpi", [72, 150, 300, 437.5])
def test_a_scan_comes_back_pixel_by_pixel(mode: str, dpi: float) -> None:
    image = Image.new("L", (331, 467), 255)
    ImageDraw.Draw(image).text((20, 50), "scanned", fill=0, font_size=60)
    image = image.convert(mode)
    if mode == "RGB":
        image.paste((200, 30, 30), (100, 200, 300, 400))
    rendering = render(scanned(image, dpi))
    assert rendering.size == image.size
    assert rendering.dpi == pytest.approx(dpi, abs=0.5)
    assert ImageChops.difference(rendering.to_picture().convert("RGB"), image.convert("RGB")).getbbox() is None


def test_a_scan_with_invisible_text_keeps_its_resolution_and_one_with_a_text_that_is_seen_gets_more() -> None:
    image = Image.new("L", (827, 1169), 255)
    assert render(scanned(image, 100, text("read by a program", mode=3))).size == image.size
    assert render(scanned(image, 100, text("seen by all"))).dpi == 300


def test_a_scan_in_strips_or_in_a_form_keeps_its_resolution() -> None:
    strips = b"q 600 0 0 400 0 400 cm /I Do Q q 600 0 0 400 0 0 cm /I Do Q"
    page = PdfPage(strips, Image.new("L", (600, 400), 200), (0, 0, 600, 800))
    assert render(page).size == (600, 800)


def test_a_small_image_on_a_page_does_not_decide_on_its_resolution() -> None:
    assert render(PdfPage(b"q 40 0 0 40 50 50 cm /I Do Q", Image.new("L", (600, 600)))).dpi == 300


def test_a_scan_with_too_many_pixels_is_halved_until_it_fits() -> None:
    image = Image.new("L", (1_000, 500), 255)
    assert render(scanned(image, 300), 499_999).size == (500, 250)
    assert render(scanned(image, 300), 120_000).size == (333, 167)
    assert render(scanned(image, 300), 500_000).size == (1_000, 500)


@pytest.mark.parametrize(
    ("box", "size"),
    [
        ((0, 0, 1_036_800, 1_036_800), (4_472, 4_472)),
        ((0, 0, 1, 14_400), (4, 60_000)),
        ((0, 0, 1, 1_000_000), (1, 65_500)),
        ((0, 0, 0.001, 500), (1, 2_083)),
        ((0, 0, 1, 1), (4, 4)),
        ((0, 0, 0, 0), (2_550, 3_300)),
    ],
)
def test_pages_of_absurd_sizes_stay_within_the_limits(
    box: tuple[float, float, float, float], size: tuple[int, int]
) -> None:
    rendering = render(PdfPage(text("here", left=1, above=1), box=box))
    assert rendering.size == size
    assert rendering.to_picture().size == size


def test_a_page_is_turned_and_cropped_as_it_is_seen() -> None:
    upright = render(PdfPage(text("mark", left=100, above=500), more=b"/CropBox[0 400 300 600]"))
    assert upright.points == (300, 200)
    turned = render(PdfPage(text("mark", left=100, above=500), more=b"/CropBox[0 400 300 600]/Rotate 90"))
    assert turned.points == (200, 300)
    back = turned.to_picture().transpose(Image.Transpose.ROTATE_90)
    box, box_of_turned = black_box(upright), ImageChops.invert(back).getbbox()
    assert box is not None
    assert box_of_turned is not None
    assert all(abs(one - other) <= 3 for one, other in zip(box, box_of_turned, strict=True))


def test_a_page_is_read_as_what_can_be_sent_with_its_resolution_and_size() -> None:
    fitted = read(entries(make_pdf([PdfPage(text("words"))]))[0])
    assert isinstance(fitted, Fitted)
    origin = fitted.change.origin
    assert (origin.format, origin.size, origin.dpi, origin.points) == ("PDF", (2479, 3508), 300, A4[2:])
    assert fitted.change.to_dict()["points"] == [595, 842]
    picture = Image.open(BytesIO(fitted.content))
    assert (picture.format, picture.size) == ("PNG", (2479, 3508))


def test_annotations_and_filled_forms_are_drawn() -> None:
    look = b"/AP<</N 5 0 R>>/F 4/Rect[100 %d 300 %d]"
    note = b"<</Type/Annot/Subtype/FreeText/Contents(note)" + look % (500, 600) + b">>"
    field = b"<</Type/Annot/Subtype/Widget/FT/Tx/T(field)/V(filled)" + look % (200, 300) + b">>"
    page = PdfPage(b"0 0 200 100 re f", more=b"/Annots[%s %s]" % (note, field))
    document = (
        make_pdf([page])
        .replace(b"/Type/Catalog", b"/Type/Catalog/AcroForm<</Fields[]>>")
        .replace(b"5 0 obj\n<<", b"5 0 obj\n<</Type/XObject/Subtype/Form/BBox[0 0 200 100]")
    )
    with first_page(document) as opened:
        picture = opened.render(_PIXELS).to_picture()
    for above in (550, 250):
        assert picture.getpixel((200 * 300 // 72, (842 - above) * 300 // 72)) == 0
    assert picture.getpixel((200 * 300 // 72, (842 - 400) * 300 // 72)) == 255


def test_a_page_that_is_damaged_is_an_error_and_the_others_are_read() -> None:
    document = make_pdf([PdfPage(), PdfPage(), PdfPage()]).replace(b"/Contents 8 0 R", b"/Type /Pages   ")
    results = [read(entry) for entry in entries(document)]
    assert [isinstance(result, Fitted) for result in results] == [True, False, True]


def test_few_documents_are_open_at_once(tmp_path: Path) -> None:
    listed = []
    for number in range(10):
        path = tmp_path / f"{number}.pdf"
        path.write_bytes(make_pdf([PdfPage(box=(0, 0, 9, 9))] * 3))
        listed += [entry for entry in open_pdf(str(path), str(path), _OPTIONS) if isinstance(entry, Item)]
    for item in listed:
        assert isinstance(read(item), Fitted)
        for number in worker_ids():
            files = [file.readlink() for file in Path(f"/proc/{number}/fd").iterdir()]
            assert len([file for file in files if file.suffix == ".pdf"]) <= 2


def worker_ids() -> list[int]:
    return [worker.process.pid for worker in _pool.workers if worker.process is not None]


def test_pages_are_read_by_many_threads_at_once() -> None:
    document = make_pdf([PdfPage(text(f"page {number} of many"), box=(0, 600, 300, 800)) for number in range(20)])
    with ThreadPoolExecutor(8) as threads:
        read_by_threads = list(threads.map(read, entries(document)))
    alone = [read(entry) for entry in entries(document)]
    assert read_by_threads == alone
    assert len({fitted.content for fitted in alone if isinstance(fitted, Fitted)}) == 20


def test_a_long_document_is_read_in_flat_memory(tmp_path: Path) -> None:
    noise = Image.effect_noise((700, 700), 100)
    path = tmp_path / "long.pdf"
    path.write_bytes(make_pdf([scanned(noise, 100)] * 120))
    before = None
    for number, item in enumerate(open_pdf(str(path), "long.pdf", _OPTIONS)):
        if number == 20:
            before = _resident_bytes()
        assert isinstance(item, Item)
        assert isinstance(item.read(Limits(pixels=10_000)), Fitted)
    assert before is not None
    assert _resident_bytes() - before < 30 * 1_048_576


def _resident_bytes() -> int:
    pages = [int(Path(f"/proc/{number}/statm").read_text(encoding="ascii").split()[1]) for number in worker_ids()]
    return max(pages) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.usefixtures("new_workers")
def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pypdfium2.py").write_text("raise ModuleNotFoundError('absent', name='pypdfium2')", encoding="ascii")
    monkeypatch.syspath_prepend(tmp_path)
    (entry,) = entries(make_pdf([PdfPage()]))
    assert "pip install 'vision-grpc[images]'" in error_of(entry)


def test_the_process_ends_while_a_page_is_rendered(tmp_path: Path) -> None:
    program = """
import sys, threading
from vision_grpc.sources.containers.pdf import open_pdf
from vision_grpc.sources.fit import prepare
from vision_grpc.sources.options import SourceOptions
def pages():
    return open_pdf(sys.argv[1], "a.pdf", SourceOptions(fit=True))
def work():
    while True:
        for page in pages():
            prepare(page)
            started.set()
started = threading.Event()
threading.Thread(target=work, daemon=True).start()
started.wait()
"""
    _run_twice(program, tmp_path)


def test_the_process_ends_with_a_document_that_is_open(tmp_path: Path) -> None:
    # The list of its pages is let go of after PDFium has ended.
    program = """
import sys
from vision_grpc.sources.containers.pdf import open_pdf
from vision_grpc.sources.options import SourceOptions
pages = open_pdf(sys.argv[1], "a.pdf", SourceOptions(fit=True))
first = next(pages)
"""
    _run_twice(program, tmp_path)


def _run_twice(program: str, tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(make_pdf([PdfPage(text("words"))] * 2))
    for _ in range(2):
        ended = subprocess.run([sys.executable, "-c", program, path], capture_output=True, timeout=60, check=False)
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")
