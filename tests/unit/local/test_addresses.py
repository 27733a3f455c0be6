import pytest

from vision_grpc.local.ocr.addresses import around, doubtful_spans, is_doubtful
from vision_grpc.local.ocr.tesseract import EngineWord


@pytest.mark.parametrize(
    "text",
    [
        "(ВЕЕрз://м1К1.Чер1ап.ога/Ма1зИгаррег).",
        "//м1К1",
        "/изг/зПаге/4ос",
        "ехатр\\е",
        "имя@сот",
        "тах_ма",
        "ппп.ехатре.сот",
        "Teкст",
        "цeна",
        "Н2О",
    ],
)
def test_cyrillic_letters_in_addresses_and_mixed_words_are_doubtful(text: str) -> None:
    assert is_doubtful(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://wiki.debian.org/NdisWrapper",
        "ivan@example.org",
        "/usr/share/doc",
        "порту",
        "Порту.",
        "т.е.",
        "и/или",
        "IP-адрес",
        "PDF-файл,",
        "5кг",
        "м2",
        "А4",
        "12:30",
        "(«Вектор»)",
        "Чёрно-белый",
        "100%",
    ],
)
def test_words_in_one_script_are_not_doubtful(text: str) -> None:
    assert not is_doubtful(text)


def word(text: str, confidence: float = 90, *, begins_line: bool = False) -> EngineWord:
    return EngineWord(begins_line, begins_line, (0, 0, 9, 9), text, confidence, 90, "rus")


def test_what_was_cut_off_a_doubtful_word_belongs_to_it() -> None:
    words = [
        word("на", begins_line=True),
        word("https:", 3),
        word("//м1К1", 75),
        word(".", 55),
        word("или"),
        word("/изг/зПаге", 85),
        word("сот", 20, begins_line=True),
        word("нечётко", 30),
        word("а_б", 95),
        word("я_б", 95),
    ]
    assert doubtful_spans(words) == [slice(1, 4), slice(5, 6), slice(6, 10)]


def test_unsure_words_alone_are_not_doubtful() -> None:
    assert doubtful_spans([]) == []
    assert doubtful_spans([word("сот", 20), word("нечётко", 30)]) == []
    assert doubtful_spans([word("", 0)._replace(text=None)]) == []


def test_a_page_of_addresses_is_read_again_only_so_far() -> None:
    assert len(doubtful_spans([word("а/б/в", begins_line=True)] * 1000)) == 40


def test_the_box_around_words_holds_all_of_them() -> None:
    boxes = [(10, 5, 20, 15), (30, 2, 40, 12)]
    assert around([word("а")._replace(box=box) for box in boxes]) == (10, 2, 40, 15)
