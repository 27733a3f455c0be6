"""The allocator is told once, when a program asks, and says what it took."""

import ctypes
import subprocess
import sys
from collections.abc import Iterator
from platform import libc_ver

import pytest

from vision_grpc import MemoryTuning, tune_memory
from vision_grpc.session import memory

_ALL = ("M_ARENA_MAX", "M_MMAP_THRESHOLD", "M_TRIM_THRESHOLD")
_MIB = 1_048_576
# From malloc.h.
_ARENA_MAX, _MMAP_THRESHOLD, _TRIM_THRESHOLD = -8, -3, -1

# `tuned()` says whether a block of 8 MiB, which glibc maps by default, comes from the heap.
_HEAP = """
import ctypes
sbrk = ctypes.CDLL(None).sbrk
sbrk.restype = ctypes.c_void_p
def tuned():
    end, block = sbrk(0), bytearray(8 * 1_048_576)
    return sbrk(0) != end
"""
needs_glibc = pytest.mark.skipif(libc_ver()[0] != "glibc", reason="glibc alone can be tuned")


class _Glibc:
    """Stands for the C library: notes what it is told."""

    gnu_get_libc_version = b"2.36"

    def __init__(self, *, refused: int | None = None) -> None:
        self.told: list[tuple[int, int]] = []
        self._refused = refused

    def mallopt(self, parameter: int, value: int) -> int:
        self.told.append((parameter, value))
        return int(parameter != self._refused)


class _Musl:
    """Stands for a C library without mallopt."""


@pytest.fixture(autouse=True)
def untuned() -> Iterator[None]:
    memory._tune.cache_clear()
    memory.raise_trim_threshold.cache_clear()
    yield
    memory._tune.cache_clear()
    memory.raise_trim_threshold.cache_clear()


@pytest.fixture
def glibc(monkeypatch: pytest.MonkeyPatch) -> _Glibc:
    glibc = _Glibc()
    _load(monkeypatch, glibc)
    return glibc


def test_arenas_and_thresholds_are_set(glibc: _Glibc) -> None:
    assert tune_memory() == MemoryTuning(_ALL)
    assert glibc.told == [(_ARENA_MAX, 1), (_MMAP_THRESHOLD, 32 * _MIB), (_TRIM_THRESHOLD, 64 * _MIB)]


def test_a_second_call_does_nothing_and_returns_the_same(glibc: _Glibc) -> None:
    first = tune_memory()
    assert tune_memory() is first
    assert tune_memory(arenas=1) is first
    assert len(glibc.told) == len(_ALL)


def test_another_number_of_arenas_is_set_each_time(glibc: _Glibc) -> None:
    for arenas in (1, 2, 1):
        assert tune_memory(arenas=arenas) == MemoryTuning(_ALL)
    assert [value for parameter, value in glibc.told if parameter == _ARENA_MAX] == [1, 2, 1]


def test_what_is_refused_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    _load(monkeypatch, _Glibc(refused=_MMAP_THRESHOLD))
    assert tune_memory() == MemoryTuning(("M_ARENA_MAX", "M_TRIM_THRESHOLD"), "glibc refused M_MMAP_THRESHOLD")


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    _load(monkeypatch, _Musl())
    assert tune_memory() == MemoryTuning((), "the C library is not glibc")


def test_a_c_library_that_cannot_be_opened_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ctypes", None)
    monkeypatch.setattr(sys, "platform", "linux")
    tuning = tune_memory()
    assert tuning.applied == ()
    assert str(tuning.reason).startswith("the C library cannot be opened: ")


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_another_platform_is_left_alone(monkeypatch: pytest.MonkeyPatch, glibc: _Glibc, platform: str) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    assert tune_memory() == MemoryTuning((), f"{platform} does not have glibc")
    assert glibc.told == []


@pytest.mark.parametrize("arenas", [0, -1])
def test_a_process_has_an_arena_at_least(glibc: _Glibc, arenas: int) -> None:
    with pytest.raises(ValueError, match="must be at least 1"):
        tune_memory(arenas=arenas)
    assert glibc.told == []


@needs_glibc
def test_the_real_allocator_takes_it() -> None:
    said = _run("from vision_grpc import tune_memory; print(tune_memory()); print(tuned())")
    assert said == [str(MemoryTuning(_ALL)), "True"]


@needs_glibc
def test_neither_an_import_nor_a_client_tunes_anything() -> None:
    client = "VisionClient('localhost:1', insecure=True, credentials=auth.Anonymous()).close()"
    assert _run(f"from vision_grpc import *; {client}; print(tuned())") == ["False"]


@needs_glibc
@pytest.mark.parametrize(("program", "kept"), [("", False), ("raise_trim_threshold(); ", True)])
def test_freed_memory_stays_once_the_threshold_is_raised(program: str, *, kept: bool) -> None:
    # Blocks of 100 KB come from the heap; 3 MB of them are more than glibc keeps by default.
    free = "blocks = [bytearray(100_000) for _ in range(30)]; high = sbrk(0); del blocks; print(sbrk(0) == high)"
    assert _run(f"from vision_grpc.session.memory import *; {program}{free}") == [str(kept)]


def _load(monkeypatch: pytest.MonkeyPatch, library: object) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library)
    monkeypatch.setattr(sys, "platform", "linux")


def _run(program: str) -> list[str]:
    finished = subprocess.run([sys.executable, "-c", _HEAP + program], capture_output=True, text=True, check=True)
    return finished.stdout.splitlines()
