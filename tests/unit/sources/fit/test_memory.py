"""Pictures are decoded side by side as far as their memory goes."""

import io
import threading
from time import monotonic
from typing import Any

import pytest
from PIL import Image

from vision_grpc.config import Limits
from vision_grpc.sources.ahead import read_ahead
from vision_grpc.sources.fit import Fitted, Origin, fit, fit_picture, opening, prepare, steps
from vision_grpc.sources.fit.memory import BYTES_PER_PIXEL, PictureMemory
from vision_grpc.sources.image import Image as ReadImage
from vision_grpc.sources.item import Item

_SOON_S = 20.0
SIDE = 40
PIXELS = SIDE * SIDE


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> PictureMemory:
    """Return memory for two pictures, in place of that for all."""
    memory = PictureMemory(2 * PIXELS * BYTES_PER_PIXEL)
    monkeypatch.setattr(opening, "picture_memory", memory)
    monkeypatch.setattr(steps, "picture_memory", memory)
    return memory


def file_of(kind: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE), "red").save(file, kind)
    return file.getvalue()


class WatchedCondition(threading.Condition):
    """A condition that says when somebody waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.is_waited_for = threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        self.is_waited_for.set()
        return super().wait(timeout)


class Holder(threading.Thread):
    """Holds the memory for some pixels until it is released."""

    def __init__(self, memory: PictureMemory, pixels: int) -> None:
        super().__init__(daemon=True)
        self.memory, self.pixels = memory, pixels
        self.has_it, self.released = threading.Event(), threading.Event()
        self.start()

    def run(self) -> None:
        with self.memory.held_for(self.pixels):
            self.has_it.set()
            assert self.released.wait(_SOON_S)

    def end(self) -> None:
        self.released.set()
        self.join(_SOON_S)


def test_what_has_room_is_decoded_at_once_and_the_rest_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    memory, freed = PictureMemory(10 * BYTES_PER_PIXEL), WatchedCondition()
    monkeypatch.setattr(memory, "_freed", freed)
    small, other = Holder(memory, 5), Holder(memory, 5)
    assert small.has_it.wait(_SOON_S)
    assert other.has_it.wait(_SOON_S)
    large = Holder(memory, 1_000)
    assert freed.is_waited_for.wait(_SOON_S)
    late = Holder(memory, 1)
    small.end()
    assert not large.has_it.wait(0.05)
    assert not late.has_it.is_set()
    other.end()
    assert large.has_it.wait(_SOON_S)
    assert not late.has_it.wait(0.05)
    large.end()
    assert late.has_it.wait(_SOON_S)
    late.end()
    assert memory.held_bytes == 0


@pytest.mark.parametrize("kind", ["WEBP", "TIFF", "BMP", "GIF"])
def test_memory_is_held_while_a_picture_is_decoded_and_encoded(
    kind: str, memory: PictureMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: dict[str, int] = {}

    def watch(module: Any, name: str) -> None:  # noqa: ANN401 - a module
        call = getattr(module, name)

        def watched(*args: Any, **options: Any) -> Any:  # noqa: ANN401 - handed on
            held[name] = memory.held_bytes
            return call(*args, **options)

        monkeypatch.setattr(module, name, watched)

    watch(opening, "_open")
    watch(steps, "load_picture")
    watch(steps, "_encode")
    assert isinstance(fit(file_of(kind)), Fitted)
    whole = PIXELS * BYTES_PER_PIXEL
    assert held == {"_open": whole if kind == "WEBP" else 0, "load_picture": whole, "_encode": whole}
    fit_picture(Image.new("RGB", (SIDE, SIDE)), Origin("PDF", (SIDE, SIDE)), Limits())
    assert held["_encode"] == whole
    assert memory.held_bytes == 0


@pytest.mark.parametrize("content", [file_of("WEBP")[:-20], file_of("TIFF")[:-20], file_of("BMP")[:-20]])
def test_a_damaged_picture_gives_its_memory_back(content: bytes, memory: PictureMemory) -> None:
    assert not isinstance(fit(content), Fitted)
    assert memory.held_bytes == 0


def test_the_time_in_which_a_picture_waits_for_memory_is_not_counted(
    memory: PictureMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    freed = WatchedCondition()
    monkeypatch.setattr(memory, "_freed", freed)
    holder = Holder(memory, 2 * PIXELS)
    assert holder.has_it.wait(_SOON_S)

    with read_ahead([Item("late", lambda _: file_of("BMP"))], prepare) as images:
        images.start()
        assert freed.is_waited_for.wait(_SOON_S)
        images.look(monotonic() + 1e6)
        holder.end()
        assert [type(image) for image in images] == [ReadImage]
