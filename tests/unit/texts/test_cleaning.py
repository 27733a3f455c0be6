"""What files, shells and editors put around settings."""

import pytest

from vision_grpc.texts.cleaning import UncleanError, clean, clean_setting, read_variable, removal_note


@pytest.mark.parametrize(
    ("around", "note"),
    [
        ("{}", ""),
        ("{}\n", "a line end was removed"),
        ("{}\r\n", "a line end was removed"),
        ("{}\r", "a line end was removed"),
        ("\n{}", "a line end was removed"),
        ("{}\u2028", "a line end was removed"),
        (" {}", "blanks were removed"),
        ("{}\t", "blanks were removed"),
        ("\u00a0{}\u3000", "blanks were removed"),
        ("{} \n", "blanks and a line end were removed"),
        ("\ufeff{}", "a byte order mark was removed"),
        ("\u200e{}\u200b\u2060", "invisible characters were removed"),
        ('"{}"', "quotation marks were removed"),
        ("'{}'", "quotation marks were removed"),
        ("\u00ab{}\u00bb", "quotation marks were removed"),
        ("\u201c{}\u201d", "quotation marks were removed"),
        ("`{}`", "quotation marks were removed"),
        ("\ufeff \"'{}'\n\" \r\n", "a byte order mark and blanks and a line end and quotation marks were removed"),
    ],
)
@pytest.mark.parametrize("value", ["b1gabc", "a", "https://vision.example:443"])
def test_what_is_around_a_setting_is_removed_and_said(value: str, around: str, note: str) -> None:
    text = around.format(value)
    cleaned = clean(text)
    assert cleaned.text == clean_setting(text) == value
    assert sorted(cleaned.note.replace(" and", "").split()) == sorted(note.replace(" and", "").split())
    assert removal_note({"X": text}, "X") == cleaned.note
    assert read_variable({"X": text}, "X") == value


@pytest.mark.parametrize("text", ["", " ", "\n", '""', "' '", "\ufeff", ' "\u00a0" \r\n'])
def test_nothing_but_blanks_is_unset(text: str) -> None:
    assert read_variable({"X": text}, "X") is None
    assert read_variable({}, "X") is None


@pytest.mark.parametrize("text", ['"', "'", '"a', "a'", "a'b'c", '\u00aba"'])
def test_a_quotation_mark_without_its_pair_stays(text: str) -> None:
    assert clean(text).text == text


@pytest.mark.parametrize(
    ("inside", "named"),
    [
        ("\n", "a line end inside, at character 3"),
        ("\r", "a line end inside, at character 3"),
        ("\t", "a tab inside"),
        ("\x00", "a NUL inside"),
        ("\x1b", "a control character (U+001B) inside"),
        ("\u00a0", "a non-breaking blank inside"),
        ("\ufeff", "a byte order mark inside"),
        ("\u202e", "an invisible character (U+202E) inside"),
        ("\udce9", "a byte that is not UTF-8 inside"),
    ],
)
def test_a_control_character_inside_is_named_with_its_variable_and_the_value_is_not_shown(
    inside: str, named: str
) -> None:
    with pytest.raises(UncleanError) as caught:
        read_variable({"YC_FOLDER_ID": f" b1{inside}secret"}, "YC_FOLDER_ID")
    assert str(caught.value).startswith(f"YC_FOLDER_ID: there is {named}")
    assert "secret" not in str(caught.value)
