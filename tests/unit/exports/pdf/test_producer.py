from pathlib import Path

import pikepdf
import pytest
from documents import PdfPage, make_pdf, text
from pdf_words import rectangle, result_of
from PIL import Image

from vision_grpc.exports.pdf import parts
from vision_grpc.exports.pdf.producer import is_own
from vision_grpc.exports.pdf.searchable import searchable_pdf

_FOREIGN = make_pdf([PdfPage(text("mine"))])


@pytest.mark.parametrize("pages", [1, 3])
def test_our_own_pdfs_are_known_and_the_same_each_time(
    pages: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "_MOST_PAGES", 2)
    Image.new("L", (40, 20), 255).save(tmp_path / "a.png")
    place = rectangle(1, 1, 20, 10)
    result = result_of(str(tmp_path / "a.png"), (40, 20), [(place, [("word", place)])])
    (tmp_path / "o.pdf").write_bytes(b"".join(searchable_pdf([result] * pages)))
    assert is_own(tmp_path / "o.pdf")
    # A folder is left as it is when the same is exported again.
    assert b"".join(searchable_pdf([result] * pages)) == (tmp_path / "o.pdf").read_bytes()


@pytest.mark.parametrize("content", [b"", b"no PDF", b"%PDF-1.7\n", _FOREIGN, _FOREIGN[:-200], _FOREIGN[:30]])
def test_other_files_are_not_ours(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "o.pdf").write_bytes(content)
    assert not is_own(tmp_path / "o.pdf")
    assert not is_own(tmp_path / "missing.pdf")


@pytest.mark.parametrize("about", [pikepdf.Array([1]), pikepdf.Dictionary(Producer=5), pikepdf.Dictionary()])
def test_odd_properties_are_not_ours(about: pikepdf.Object, tmp_path: Path) -> None:
    with pikepdf.new() as pdf:
        pdf.trailer.Info = pdf.make_indirect(about)
        pdf.save(tmp_path / "o.pdf")
    assert not is_own(tmp_path / "o.pdf")


def test_a_pdf_with_a_password_is_not_ours(tmp_path: Path) -> None:
    with pikepdf.new() as pdf:
        pdf.docinfo["/Producer"] = "vision-grpc 1"
        pdf.save(tmp_path / "o.pdf", encryption=pikepdf.Encryption(user="secret", owner="secret"))
    assert not is_own(tmp_path / "o.pdf")
