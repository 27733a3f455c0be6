"""The pytest plugin: fixtures with a Vision service, or a tape, for one test. Loaded wherever the package is installed.

It imports the rest of the package when a test first asks for a fixture, so that it costs the others nothing.
"""

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vision_grpc.local.faults.store import FaultStore
    from vision_grpc.tape import Tape
    from vision_grpc.testing.fake import FakeVision

_MARKER = (
    "vision_service(everywhere, *, engine='scripted', strict=False, config=ServiceConfig()): what the fixture "
    "`vision_service` reads in all images, or `engine='tesseract'`; see `vision_grpc.testing.FakeVision`"
)


_MODES = ("none", "once", "all")
_SECTION = "vision_tape"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option and the settings of tapes."""
    parser.getgroup("vision-grpc").addoption(
        "--vision-tape",
        choices=_MODES,
        help="which images tests with the fixture vision_tape send: none (the default), those that are not on the tape "
        "(once), or all; what is sent is recorded",
    )
    parser.addini("vision_tape", f"the same, where the option is left out: {', '.join(_MODES)}", default="none")
    parser.addini("vision_tape_folder", "the folder of the tapes, from the root of the tests", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Name the marker, for those who let pytest refuse unknown ones."""
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture
def vision_service(request: pytest.FixtureRequest) -> "Iterator[FakeVision]":
    """A Vision service on a free port, which reads what the test says; see `vision_grpc.testing.FakeVision`.

    No retry waits, nor the first question for the result of an operation.
    """
    try:
        from vision_grpc.testing.fake import FakeVision
    except ImportError as error:
        pytest.fail(f"the fixture vision_service: {error}", pytrace=False)
    from vision_grpc.local import LocalServiceError
    from vision_grpc.testing.backoff import without_backoff

    marker = request.node.get_closest_marker("vision_service")
    args: tuple[Any, ...] = () if marker is None else marker.args
    options: dict[str, Any] = {} if marker is None else dict(marker.kwargs)
    if hasattr(request, "param"):  # Of `parametrize(..., indirect=True)`: the engine.
        options["engine"] = request.param
    try:
        service = FakeVision(*args, **options)
    except LocalServiceError as error:
        pytest.skip(str(error))
    with service, without_backoff():
        yield service


@pytest.fixture
def vision_environment(vision_service: "FakeVision", monkeypatch: pytest.MonkeyPatch) -> "FakeVision":
    """The service of `vision_service`, which a `VisionClient()` without arguments calls during the test."""
    for name, value in vision_service.variables.items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    return vision_service


@pytest.fixture
def vision_faults(vision_service: "FakeVision") -> "Iterator[FaultStore]":
    """What goes wrong with calls of `vision_service`: `vision_faults.add("code=UNAVAILABLE; times=2")`.

    At the end of the test, rules that have struck no call are an error.
    """
    from vision_grpc.testing.fake import describe_idle, idle_rules

    yield vision_service.faults
    if idle := idle_rules(vision_service.faults):
        pytest.fail(describe_idle(idle), pytrace=False)


@pytest.fixture
def vision_tape(request: pytest.FixtureRequest) -> "Iterator[Tape]":
    """The tape of the test's file: clients that are made during the test, and are given no `cache`, are answered by it.

    It is in `tapes/` beside the file, or in the folder of `vision_tape_folder`. Which images are sent, and recorded, is
    said by `--vision-tape`.
    """
    from vision_grpc.testing.tapes import WatchedTape, recorded

    config, file = request.config, request.path
    mode = config.getoption("--vision-tape") or config.getini("vision_tape")
    if mode not in _MODES:
        message = f"the setting vision_tape is {mode!r}, must be one of {', '.join(_MODES)}"
        raise pytest.UsageError(message)
    folder = file.parent / "tapes" / file.stem
    if root := config.getini("vision_tape_folder"):
        is_below = file.is_relative_to(config.rootpath)
        folder = config.rootpath / root / (file.relative_to(config.rootpath).with_suffix("") if is_below else file.stem)
    tape = WatchedTape(folder, mode=mode)
    if mode == "none":
        node = request.node
        tape.on_missing = lambda images: node.add_report_section("call", _SECTION, _advise(images, tape.location))
    with recorded(tape):
        yield tape


def _advise(images: int, place: str) -> str:
    return f"not on the tape {place}: {images} of the images; run the test once with --vision-tape once to record them"
