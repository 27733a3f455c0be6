"""The recipes of scripts/examples/, run against a local service."""

import io
import logging
import runpy
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from lying_server import lying_server, note, tunnel_to
from scanned_pages import ScannedPage

from vision_grpc import VisionClient
from vision_grpc.local import LocalVision
from vision_grpc.local.ocr.scripted import ScriptedEngine
from vision_grpc.messages import Block, Line, Page, TextAnnotation, Word

_RECIPES = Path(__file__).parents[2] / "scripts" / "examples"
_LINE = Line(words=[Word(text="Hello", confidence=0.9), Word(text="world", confidence=0.5)])
_ANNOTATION = TextAnnotation(pages=[Page(blocks=[Block(lines=[_LINE])])])
_ENGINE = ScriptedEngine(lambda _: _ANNOTATION)


@pytest.fixture(autouse=True)
def service(tmp_path: Path, pages: dict[str, ScannedPage], monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalVision]:
    """Be in a folder with a scan, with a service in place of the real one that reads "Hello world"."""
    shutil.copy(pages["mixed_sans"].path, tmp_path / "scan.png")
    monkeypatch.chdir(tmp_path)
    with LocalVision(engine=_ENGINE) as vision:
        monkeypatch.setenv("VISION_GRPC_ENDPOINT", f"http://{vision.grpc_endpoint}")
        yield vision


def _recipe(name: str) -> dict[str, Any]:
    return runpy.run_path(str(_RECIPES / name))


def _close(recipe: dict[str, Any]) -> None:
    """Close the client that a worker keeps as long as it lives."""
    recipe["client"]().close()


def test_gunicorn(service: LocalVision) -> None:
    recipe = _recipe("gunicorn_prefork.py")
    said: list[str] = []

    def post(body: bytes) -> str:
        environ = {"wsgi.input": io.BytesIO(body)}
        [text] = recipe["app"](environ, lambda status, _: said.append(status))
        return str(text, "utf-8")

    assert post(Path("scan.png").read_bytes()) == "Hello world"
    assert "only JPEG and PNG are accepted" in post(b"no picture")
    service.faults.put("code=PERMISSION_DENIED")
    assert "PERMISSION_DENIED" in post(Path("scan.png").read_bytes())
    assert said == ["200 OK", "422 Unprocessable Content", "503 Service Unavailable"]
    _close(recipe)


def test_celery() -> None:
    from celery.contrib.testing.worker import start_worker  # type: ignore[import-untyped]
    from celery.signals import setup_logging  # type: ignore[import-untyped]

    def leave_logging_alone(**_: object) -> None:
        """Set up nothing: Celery's own handlers would be left to the tests after this one."""

    root = logging.getLogger()
    before = ([*root.handlers], root.level)
    setup_logging.connect(leave_logging_alone)
    recipe = _recipe("celery_tasks.py")
    try:
        with start_worker(recipe["app"], pool="solo", perform_ping_check=False):
            assert recipe["read"].delay("scan.png").get(timeout=60)["text"] == "Hello world"
    finally:
        setup_logging.disconnect(leave_logging_alone)
    _close(recipe)
    assert (root.handlers, root.level) == before


def test_a_notebook() -> None:
    ran = _recipe("notebook.py")
    assert list(ran["words"]["text"]) == ["Hello", "world"]
    assert list(ran["doubtful"]["text"]) == ["world"]
    ran["client"].close()


def test_a_proxy_with_certificates_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    authority, certificate, key = trustme.CA(), tmp_path / "certificate.pem", tmp_path / "key.pem"
    own = authority.issue_cert("vision.example")
    own.cert_chain_pems[0].write_to_path(certificate)
    own.private_key_pem.write_to_path(key)
    authority.cert_pem.write_to_path(tmp_path / "roots.pem")
    asked: list[bytes] = []
    with (
        LocalVision(engine=_ENGINE, tls_certificate=certificate, tls_key=key) as vision,
        lying_server(note(asked, tunnel_to(vision.grpc_endpoint))) as proxy,
    ):
        monkeypatch.setenv("VISION_GRPC_ENDPOINT", "vision.example:443")
        monkeypatch.setenv("YC_API_KEY", "AQVNkeykeykeykeykeykeykeykey")
        monkeypatch.setenv("https_proxy", f"http://{proxy.address}")
        _recipe("proxy_and_roots.py")["main"](str(tmp_path / "roots.pem"), "scan.png")
    assert capsys.readouterr().out == "Hello world\n"
    assert asked[0].startswith(b"CONNECT vision.example:443 ")


def test_an_air_gapped_machine(pages: dict[str, ScannedPage]) -> None:
    _recipe("air_gapped.py")["main"]("texts.md", str(pages["en_sans"].path), "missing.png")
    texts = Path("texts.md").read_text()
    assert " ".join(pages["en_sans"].text.split()[:4]) in texts
    assert "no such file" in texts


def test_moving_over_from_the_official_sdk() -> None:
    recipe = _recipe("from_the_official_sdk.py")
    with VisionClient() as client:
        assert recipe["read"](client, "scan.png") == recipe["read_simply"](client, "scan.png") == _ANNOTATION


def test_moving_over_from_requests() -> None:
    recipe = _recipe("from_requests.py")
    with VisionClient() as client:
        assert recipe["lines"](client, "scan.png") == ["Hello world"]
        answer = recipe["old_answer"](client, "scan.png")
    [line] = answer["results"][0]["textDetection"]["pages"][0]["blocks"][0]["lines"]
    assert [word["text"] for word in line["words"]] == ["Hello", "world"]


def test_each_recipe_is_in_the_cookbook_and_has_a_test() -> None:
    stems = {path.stem for path in _RECIPES.glob("*.py")} - {"test_fastapi_service"}
    listed = (_RECIPES.parents[1] / "docs" / "cookbook.md").read_text()
    here = Path(__file__).parent
    tested = "".join(path.read_text() for path in (*here.glob("*.py"), *here.parent.glob("*.py")))
    assert [stem for stem in stems if f"scripts/examples/{stem}.py" not in listed or f"{stem}.py" not in tested] == []
