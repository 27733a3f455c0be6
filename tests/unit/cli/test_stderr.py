import pytest

from vision_grpc.cli.stderr import print_line


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("error: страница.png: пусто", "error: страница.png: пусто"),
        ("first\nsecond\r\n  third", "first second third"),
        ("error: 'two  blanks   .png': gone", "error: 'two  blanks   .png': gone"),
        ("a\tb", "a\\tb"),
        ("\x1b[2Jgone\x07", "\\x1b[2Jgone\\x07"),
        ("caf\udce9.png", "caf\\udce9.png"),
    ],
)
def test_a_line_is_one_line_that_no_terminal_obeys(line: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_line(line)
    assert capsys.readouterr() == ("", f"{shown}\n")
