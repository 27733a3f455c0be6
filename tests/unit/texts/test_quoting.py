"""Names in messages: what is shown is what a shell needs to name the same file, and it is never long."""

import base64
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_grpc.texts.quoting import LONGEST, quote_name, shorten, show

_BASH = shutil.which("bash")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("scan.png", "scan.png"),
        ("страница/é-1_2,3@4%5+6=7:8#9.png", "страница/é-1_2,3@4%5+6=7:8#9.png"),
        ("#0", "#0"),
        ("-", "-"),
        ("", "''"),
        ("two  blanks.png", "'two  blanks.png'"),
        (" before", "' before'"),
        ("scan (1).png", "'scan (1).png'"),
        ("~home", "'~home'"),
        ('"quoted"', "'\"quoted\"'"),
        ("back\\slash", "'back\\slash'"),
        ("it's", '"it\'s"'),
        ("it's $5", r"$'it\'s $5'"),
        ("it's\n", r"$'it\'s\n'"),
        ("a.png\r", r"$'a.png\r'"),
        ("a.png\r\n", r"$'a.png\r\n'"),
        ("a\tb.png", r"$'a\tb.png'"),
        ("a\\t\tb", r"$'a\\t\tb'"),
        ("\x1b[2J\x07\x00\x7f", r"$'\e[2J\a\x00\x7f'"),
        ("no\u00a0break", r"$'no\u00a0break'"),
        ("gnp.\u202egpj", r"$'gnp.\u202egpj'"),
        ("\ufeffa\u200b", r"$'\ufeffa\u200b'"),
        ("\x85\u2028", r"$'\u0085\u2028'"),
        ("tag\U000e0041", r"$'tag\U000e0041'"),
        ("caf\udce9.png", r"$'caf\xe9.png'"),
        ("lone \ud800", r"$'lone \ud800'"),
    ],
)
def test_a_name_is_shown_as_a_shell_takes_it(name: str, shown: str) -> None:
    assert quote_name(name) == shown
    assert quote_name(Path(name)) == quote_name(str(Path(name)))


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40))
def test_what_is_shown_is_one_line_and_has_no_character_that_a_terminal_obeys(name: str) -> None:
    assert quote_name(name).isprintable()


@pytest.mark.skipif(_BASH is None, reason="no bash on this machine")
def test_a_shell_reads_the_same_name_again() -> None:
    names = [
        "scan.png", "a b", "two  blanks", "a\tb\r\n", "it's", "it's $HOME `id`", "it's \\n!", "it's \"a\"", "it's *",
        '"', "$HOME", "`id`", "~", "*", "a\\nb", "#x", "!x", "é",
        "й", "a\u00a0b", "\u202e", "caf\udce9\udcff1.png", "\x01a", "\x7ff", "😀\u200d", "{a,b}", "a;b&c|d<e>f(g)[h]?",
    ]  # fmt: skip
    script = "printf '%s\\0' " + " ".join(map(quote_name, names))
    printed = subprocess.run(
        [str(_BASH), "-c", script], check=True, capture_output=True, env={"LC_ALL": "C.UTF-8"}
    ).stdout
    assert printed.split(b"\0")[:-1] == [os.fsencode(name) for name in names]


def test_a_long_name_is_cut_in_the_middle_and_its_length_is_said() -> None:
    longest = "d/" * 100 + "x" * (LONGEST - 200)
    assert quote_name(longest) == longest
    shown = quote_name(f"/begin{'/x' * 500_000}/end.png")
    assert shown.startswith("/begin/x/x")
    assert shown.endswith("/x/end.png (1,000,014 characters)")
    assert len(shown) < 300
    assert len(quote_name("\r" * 1_000_000)) < 1000


_PIXELS = bytes(range(256)) * 40
_JPEG, _PNG = b"\xff\xd8\xff\xe0" + _PIXELS, b"\x89PNG\r\n\x1a\n" + _PIXELS
_WHOLE = base64.b64encode(_PNG).decode()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (_WHOLE, "base64 text of a PNG"),
        (base64.b64encode(_JPEG).decode(), "base64 text of a JPEG"),
        (base64.b64encode(_JPEG[:40]).decode(), "base64 text of a JPEG"),
        (base64.urlsafe_b64encode(_JPEG).decode(), "base64 text of a JPEG"),
        (base64.encodebytes(_PNG).decode(), "base64 text of a PNG"),
        (base64.encodebytes(_PNG).decode().replace("\n", "\r\n"), "base64 text of a PNG"),
        (f"\ufeff {_WHOLE}", "base64 text of a PNG"),
        (str(base64.b64encode(_PNG)), "base64 text of a PNG"),
        (str(base64.b64encode(_PNG[:60])), "base64 text of a PNG"),
        (f"data:image/png;base64,{_WHOLE}", "a data: URL"),
        ("data:image/jpeg;charset=utf-8;base64,/9j/", "a data: URL"),
        (_PNG.hex(), "hexadecimal text of a PNG"),
        (_JPEG.hex().upper(), "hexadecimal text of a JPEG"),
        (base64.b64encode(_PIXELS).decode(), "base64 text"),
    ],
)
def test_of_an_encoded_image_only_the_length_is_shown(text: str, kind: str) -> None:
    assert quote_name(text) == show(text) == f"<{len(text):,} characters of {kind}>"


@pytest.mark.parametrize(
    "name",
    ["/9j/scans", "/9j/scans/of/the/year/2026/page.png", "iVBORw0KGgo.png", "R0lGODlh_catalogue_of_pictures.jpeg",
     "data:image/png", f"/var/{'x' * 240}/scan", "ffd8ff00112233", "archive/2026/invoices/january/customer_12345/page"],
)  # fmt: skip
def test_a_path_that_begins_like_an_image_stays_a_path(name: str) -> None:
    assert name in quote_name(name)


def test_values_are_shown_bounded() -> None:
    assert show("a\r") == r"'a\r'"
    assert show(5) == "5"
    assert show(b"secret" * 2) == "<12 bytes>"
    assert show(bytearray(2000)) == "<2,000 bytes>"
    assert len(show("x y" * 10_000)) < 300
    assert len(show(list(range(10_000)))) < 300
    assert shorten("x" * LONGEST) == "x" * LONGEST
    assert shorten("a" * 150 + "b" * 150).endswith("bbb (300 characters)")


@pytest.mark.parametrize("text", ["t1." + "x9" * 14, f"t1.9euelZ.{'A' * 86}", "y0_" + "x9" * 20, "AQVN" + "x" * 36])
def test_of_a_secret_only_the_length_is_shown(text: str) -> None:
    assert show(text) == f"<{len(text)} characters that look like a secret>"


@pytest.mark.parametrize(
    "text", ["t1.scan_of_a_long_document.png", "t1.vision.internal.example.net", "AQVN-1.png", "y0_"]
)
def test_a_text_that_only_begins_like_a_secret_is_shown(text: str) -> None:
    assert show(text) == repr(text)
