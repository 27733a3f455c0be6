import sys
from importlib import import_module

import pytest

from vision_grpc.texts.extras import MissingExtraError, need_extra


def test_modules_that_are_there_are_enough_and_are_not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "tabnanny", raising=False)
    need_extra("package.module", "extra", "tabnanny", "json")
    assert "tabnanny" not in sys.modules


def test_the_error_names_what_is_missing_and_what_brings_it() -> None:
    with pytest.raises(
        MissingExtraError, match=r"^package\.module needs no_such, nor_this: pip install 'vision-grpc\[extra]'$"
    ) as caught:
        need_extra("package.module", "extra", "no_such", "json", "nor_this")
    assert caught.value.name == "no_such"


@pytest.mark.parametrize(("engine", "brings"), [("ray", "ray, pyarrow"), ("spark", "pyspark, pyarrow")])
def test_a_room_for_an_engine_names_its_extra(engine: str, brings: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vision_grpc.texts.extras.find_spec", lambda _: None)
    monkeypatch.delitem(sys.modules, f"vision_grpc.{engine}", raising=False)
    message = rf"^vision_grpc\.{engine} needs {brings}: pip install 'vision-grpc\[{engine}\]'$"
    with pytest.raises(MissingExtraError, match=message):
        import_module(f"vision_grpc.{engine}")
