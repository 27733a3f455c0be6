"""Results with texts that no format may fail on."""

from hypothesis import strategies as st
from journaled import answer

from vision_grpc.messages import AnalyzeResult, Block, FeatureResult, Line, Page, TextAnnotation, Word
from vision_grpc.results import ImageResult
from vision_grpc.results.outcomes import WireOutcome

HOSTILE = [
    "\0",
    "a\tb\nc\rd\x0be\x0cf\x1cg\x85h\u2028i\u2029j",
    '"quoted", and, "more"',
    "<script>alert(1)</script> ]]> &amp; <!-- -->",
    "שלום עולם \u202e\u2066",
    "👩‍👩‍👧‍👦 e\u0301",
    "# heading",
    "- item",
    "1. item",
    "2) item",
    "> quote",
    "    code",
    "```",
    "~~~",
    "===",
    "---",
    "| a | b |",
    "*em* _em_ **strong** `code` [link](http://a) ![image](b) <http://c> &copy; \\* $x$ ~~no~~",
    "\x1b[31mred\x7f\x9b",
    "\ufeff\ufffe\uffff",
    "=1+1",
    "trailing  ",
    "\\",
]
# As the service sends them: protobuf holds no lone surrogates.
texts = st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(exclude_categories=["Cs"])))
# Names of files may be any bytes.
keys = st.one_of(st.sampled_from(HOSTILE), st.text(min_size=1), st.just("caf\udce9.png"), st.just("\ud800"))


def page_of(*blocks: list[list[str]]) -> AnalyzeResult:
    """Return an answer with blocks of lines of words."""
    made = [Block(lines=[Line(words=[Word(text=word) for word in line]) for line in block]) for block in blocks]
    return AnalyzeResult(results=[FeatureResult(text_detection=TextAnnotation(pages=[Page(blocks=made)]))])


def result_of(key: str, message: AnalyzeResult) -> ImageResult:
    """Return the result of an image that was read."""
    return ImageResult(key, WireOutcome(message.SerializeToString(), has_error=False), attempts=1)


def read(key: str, *words: str) -> ImageResult:
    """Return the result of an image with these words in a line."""
    return result_of(key, answer(*words))


def damaged(key: str) -> ImageResult:
    """Return a result whose answer is not a message."""
    return ImageResult(key, WireOutcome(b"\xff", has_error=False), attempts=1)
