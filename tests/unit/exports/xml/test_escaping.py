from document_results import WILD_TEXTS, in_xml
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree

from vision_grpc.exports.xml.escaping import escape, escape_key, is_plain


@given(st.text(st.characters()))
@example("".join(WILD_TEXTS))
def test_parsers_find_the_text(text: str) -> None:
    escaped = escape(text)
    element = etree.fromstring(f'<a b="{escaped}">{escaped}</a>'.encode())
    assert element.attrib["b"] == (element.text or "") == in_xml(text)
    assert is_plain(text) == (escaped == text)


def test_keys_are_shown_as_in_a_journal() -> None:
    assert escape_key("caf\udce9<\ud800>\x00.png") == r"caf\xe9&lt;\ud800&gt;" + "\ufffd.png"
