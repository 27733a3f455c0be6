"""Results in other tools, by the examples of docs/results.md."""

import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from scanned_pages import ScannedPage

from vision_grpc import to_json
from vision_grpc.local import LocalVision

_DOCUMENT = Path(__file__).parents[2] / "docs" / "results.md"


class Ran(NamedTuple):
    """The examples of the document, run from the first to the last as one module."""

    module: Any
    printed: str


@pytest.fixture(scope="module")
def ran(pages: dict[str, ScannedPage], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    folder = tmp_path_factory.mktemp("results")
    shutil.copy(pages["en_sans"].path, folder / "scan.png")
    (folder / "scans").mkdir()
    shutil.copy(pages["ru_sans"].path, folder / "scans")
    (folder / "scans" / "broken.png").write_bytes(b"")
    printed: list[str] = []
    # Celery and pydantic look classes and tasks up in their module.
    module = ModuleType("examples")
    module.__dict__["print"] = lambda *values: printed.append(" ".join(map(str, values)))
    with pytest.MonkeyPatch.context() as patch, LocalVision() as service:
        patch.setitem(sys.modules, "examples", module)
        patch.setenv("VISION_GRPC_ENDPOINT", f"http://{service.grpc_endpoint}")
        patch.chdir(folder)
        for example in re.findall(r"```python\n(.*?)```", _DOCUMENT.read_text(), re.DOTALL):
            exec(compile(example, str(_DOCUMENT), "exec"), module.__dict__)  # noqa: S102 - our own text
        yield Ran(module, "\n".join(printed))


def test_the_examples_show_what_they_say(ran: Ran, pages: dict[str, ScannedPage]) -> None:
    result = ran.module.result
    assert ran.printed.startswith("ImageResult('scan.png', text='")
    assert ran.module.text == result.text
    first = pages["en_sans"].text.split()[0]
    [word] = [word for word in result.words() if word.text == first][:1]
    assert f"{first} {word.confidence} {word.box.left} {word.box.width} ['en']" in ran.printed


def test_json_takes_it(ran: Ran) -> None:
    for result in (ran.module.result, *ran.module.results):
        assert json.loads(json.dumps(result.to_dict(), allow_nan=False)) == json.loads(to_json(result))


def test_a_task_of_celery_returns_it(ran: Ran) -> None:
    from celery.contrib.testing.worker import start_worker  # type: ignore[import-untyped]

    app = ran.module.app
    assert (app.conf.task_serializer, app.conf.result_serializer) == ("json", "json")
    with start_worker(app, pool="solo", perform_ping_check=False):
        came = ran.module.read.delay("scan.png").get(timeout=60)
        broken, again = ran.module.read_many.delay(["scans/broken.png", "scan.png"]).get(timeout=60)
    mine = ran.module.result.to_dict()
    assert came | {"request_id": mine["request_id"]} == mine
    assert (broken["ok"], broken["error"]["code"], broken["pages"]) == (False, "INVALID_ARGUMENT", [])
    assert (again["version"], again["text"].split()[:1]) == (1, mine["text"].split()[:1])


def test_a_model_of_pydantic_takes_it(ran: Ran) -> None:
    plain = ran.module.result.to_dict()
    known = ran.module.scan.model_dump(mode="json")
    assert known == {name: plain[name] for name in known}
    broken = next(result for result in ran.module.results if not result)
    assert ran.module.Scan.model_validate(broken.to_dict()).error.code == "INVALID_ARGUMENT"
    assert ran.module.Scan.model_validate_json(to_json(ran.module.result)) == ran.module.scan


def test_a_model_of_pydantic_has_a_result_as_a_field(ran: Ran) -> None:
    result, upload_class = ran.module.result, ran.module.Upload
    upload = upload_class(name="scan", result=result)
    assert upload.result is result
    assert upload.model_dump() == {"name": "scan", "result": result.to_dict()}
    assert json.loads(upload.model_dump_json())["result"] == json.loads(to_json(result))
    assert upload_class.model_json_schema(mode="serialization")["properties"]["result"]["type"] == "object"
    with pytest.raises(ValueError, match="instance of ImageResult"):
        upload_class(name="scan", result=result.to_dict())


def test_pandas_takes_it(ran: Ran) -> None:
    images, words, results = ran.module.images, ran.module.words, ran.module.results
    assert sorted(zip(images["key"], images["ok"], strict=True)) == [
        ("scans/broken.png", False),
        ("scans/ru_sans.png", True),
    ]
    whole = ran.module.pd.DataFrame(result.to_dict() for result in results)
    assert [*whole.columns][: len(images.columns) + 1] == [*images.columns, "pages"]
    assert len(words) == sum(len([*result.words()]) for result in results)
    assert (words["right"] > words["left"]).all()
