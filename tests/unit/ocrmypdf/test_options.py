"""The options of the plugin, from a command line and from Python."""

from argparse import ArgumentError, ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from ocrmypdf.exceptions import BadArgsError

from vision_grpc.ocrmypdf.options import VisionOptions, add_arguments

if TYPE_CHECKING:
    from ocrmypdf import OcrOptions


def of(**values: object) -> VisionOptions:
    return VisionOptions.of(cast("OcrOptions", Namespace(**values)))


def parsed(*arguments: str) -> VisionOptions:
    parser = ArgumentParser(exit_on_error=False)
    add_arguments(parser)
    return VisionOptions.of(cast("OcrOptions", parser.parse_args(arguments)))


def test_a_command_line() -> None:
    assert parsed() == of() == VisionOptions()
    options = parsed(
        "--vision-endpoint", "localhost:1", "--vision-insecure", "--vision-max-pages", "9", "--vision-rps=.5"
    )
    assert options == VisionOptions(endpoint="localhost:1", insecure=True, max_pages=9, rps=0.5)
    assert parsed("--vision-local", "--vision-keep-going", "--vision-model", "line") == VisionOptions(
        local=True, keep_going=True, model="line"
    )


def test_a_model_that_does_not_exist_is_refused_before_a_page_is_sent() -> None:
    with pytest.raises(ArgumentError, match="choose from"):
        parsed("--vision-model", "zzz")


@pytest.mark.parametrize(
    "values",
    [
        {"vision_local": True, "vision_endpoint": "localhost:1"},
        *({"vision_max_pages": value} for value in (0, -1, 1.5, "many")),
        *({"vision_rps": value} for value in (0, -1, float("nan"), float("inf"), "fast")),
    ],
)
def test_values_that_are_not_possible(values: dict[str, Any]) -> None:
    with pytest.raises(BadArgsError) as refused:
        of(**values)
    assert next(iter(values)).replace("_", "-") in str(refused.value)


def test_the_help_has_a_group_for_us() -> None:
    parser = ArgumentParser()
    add_arguments(parser)
    written = parser.format_help()
    assert "Yandex Vision:" in written
    assert "--vision-local" in written
    assert "YC_API_KEY" in written
