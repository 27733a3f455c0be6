"""Where the refusals are that Python's parser tells without a position, among strings that only look like them."""

import pytest

from vision_grpc.codec.json import from_json, split_results
from vision_grpc.codec.json.position import deep_bracket
from vision_grpc.errors import ProtocolError
from vision_grpc.messages import Status, Vertex

# Brackets, constants, escapes and keys that are the text of a string.
_DECOYS = r'"d":"[[{{]}\" NaN -Infinity \\\\ud800 \ud83d\ude00 \"k\": \"k\":я","e":[{},["k"]],"f":{"k":"k"}'


@pytest.mark.parametrize(
    ("refused", "found"),
    [
        ('"x":>NaN', "NaN without quotes"),
        ('"x":[1,>-Infinity]', "-Infinity without quotes"),
        ('"x":>Infinity,"y":NaN', "Infinity without quotes"),
        (r'"x":"\ud83d\ude00>\ud83d","y":"\ude00"', "lone surrogate"),
        (r'"x":"\\\\>\uDE00\uD83D"', "lone surrogate"),
        (r'">\ud83d\n":1', "lone surrogate"),
        ('"x":[{"k":{"k":1},>"k":2}]', "the key 'k' is given twice"),
        (r'"x":{"k":1,>"\u006b" : {},"k":3}', "the key 'k' is given twice"),
        (r'"k":1,"x":{"k":"\"k\":",>"k":3},"k":4', "the key 'k' is given twice"),
        (r'"x":[{"\"\n":1,"k":"k",>"\u0022\u000a":2}]', r"the key '\"\\n' is given twice"),
        ('"x":' + "[" * 99 + ">" + "[" * 100_000, "nested too deeply"),
    ],
)
def test_the_position_is_that_of_the_thing_itself(refused: str, found: str) -> None:
    text = "{" + _DECOYS + "," + refused + "}"
    position, text = text.index(">"), text.replace(">", "")

    for data in (text, text.encode()):
        with pytest.raises(ProtocolError, match=rf"{found}.* at character {position}$"):
            from_json(data, Vertex)


def test_a_surrogate_that_is_not_escaped_is_found_in_a_text() -> None:
    with pytest.raises(ProtocolError, match=r"surrogate.* at character 6$"):
        from_json('{"k":"\ud800"}', Vertex)


def test_within_one_result_it_is_counted_from_its_beginning() -> None:
    answer = split_results(b'{"results":[{},{"error":{"code":1,"code":2}}]}')

    with pytest.raises(ProtocolError, match=r"^results\[1\]: the key 'code' .* at character 19$"):
        answer[1]


def test_a_stack_that_ends_early_is_told_at_the_innermost_bracket() -> None:
    assert deep_bracket('{"a":[[]],"b":[[{}]],"c":[[[]]]}', 100) == 16


@pytest.mark.parametrize("filler", ['"x"', r'"\n\n\n\n"', "[[]]", "{}", '{"k":1}'])
@pytest.mark.parametrize(("refused", "at"), [("NaN", 0), (r'"\ud800"', 1), ('{"k":1,"k":2}', 7)])
def test_long_texts_are_searched_once(filler: str, refused: str, at: int) -> None:
    text = '{"new":[' + f"{filler}," * 100_000 + refused + "]}"
    position = len(text) - len(refused) - 2 + at

    with pytest.raises(ProtocolError, match=f" at character {position}$"):
        from_json(text.encode(), Status)
