"""How the C library's allocator treats the memory of large images."""

import sys
from dataclasses import dataclass
from functools import cache, lru_cache

from vision_grpc.texts.arguments import check_count
from vision_grpc.texts.quoting import show

_MIB = 1_048_576
# mallopt(3) takes an int.
_MOST_ARENAS = 2**31 - 1
# The numbers are those of glibc's malloc.h. 32 MiB is the largest threshold that mallopt(3) takes on 64 bits.
_ARENA_MAX = ("M_ARENA_MAX", -8)
_THRESHOLDS = (("M_MMAP_THRESHOLD", -3, 32 * _MIB), ("M_TRIM_THRESHOLD", -1, 64 * _MIB))

# A block of 8 MiB would save a tenth of the CPU at 200 and 1,000 KB an image too, and add a fifth to the peak of
# memory. One of 32 MiB would save as much CPU as `tune_memory`, at a peak of 93 MB instead of 51 (1 MB an image).
_FREED_BLOCK_BYTES = 2 * _MIB


@dataclass(frozen=True, slots=True)
class MemoryTuning:
    """What `tune_memory` did."""

    applied: tuple[str, ...]
    """The parameters that the allocator took, by their names in mallopt(3)."""

    reason: str | None = None
    """Why some or all of them were not set; None when all were."""


def tune_memory(*, arenas: int = 1) -> MemoryTuning:
    """Let this process keep the memory of freed blocks, so that a stream of large images costs less CPU and memory.

    Call it once, at the start of a program that streams images of 100 KB or more, before other threads have allocated:
    arenas that they have made stay. It holds for the whole process, which is why no import and no client calls it; a
    second call with the same number does nothing and returns the same.

    By default glibc gets each block of a few MiB from the kernel and gives it back, and the kernel zeroes its pages
    every time. Measured: 88 to 150 page faults per image of 1 MB become 0, the client's CPU shrinks by a quarter at
    1 MB and a tenth at 200 KB, and the peak of memory by a third, for threads share one arena (`M_ARENA_MAX`). What is
    freed stays with the process, up to 64 MB of it (`M_TRIM_THRESHOLD`).

    Do not call it where native threads, such as those of an OCR engine, allocate hundreds of thousands of blocks above
    1 KB per second without the GIL: they wait for the lock of the one arena. Measured with eight threads that do
    nothing else on two cores: six times the CPU, and 1.25 times with `arenas=2`, which adds 4 to 8 MB to the peak of a
    stream. Smaller blocks come from caches of each thread. json, protobuf and zlib in eight threads cost no more than
    before.

    It needs glibc: with musl, on macOS and on Windows it does nothing, and the returned value says why. An allocator
    that is preloaded in place of glibc's is not changed.

    Raises:
        TypeError: `arenas` is not a number.
        ValueError: `arenas` is below 1, or more than the allocator has numbers for.
    """
    arenas = check_count("arenas", arenas)
    if arenas > _MOST_ARENAS:
        message = f"arenas is {show(arenas)}, must be at most {_MOST_ARENAS}"
        raise ValueError(message)
    return _tune(arenas)


@lru_cache(maxsize=1)  # The last setting is the one that holds.
def _tune(arenas: int) -> MemoryTuning:
    if not sys.platform.startswith("linux"):
        return MemoryTuning((), f"{sys.platform} does not have glibc")
    try:
        import ctypes

        libc = ctypes.CDLL(None)
    except (ImportError, OSError) as error:  # Python was built without libffi, or without a dynamic loader.
        return MemoryTuning((), f"the C library cannot be opened: {error}")
    if not hasattr(libc, "gnu_get_libc_version"):
        return MemoryTuning((), "the C library is not glibc")
    wanted = ((*_ARENA_MAX, arenas), *_THRESHOLDS)
    applied = tuple(name for name, parameter, value in wanted if libc.mallopt(parameter, value) == 1)
    refused = [name for name, _, _ in wanted if name not in applied]
    return MemoryTuning(applied, f"glibc refused {', '.join(refused)}" if refused else None)


@cache  # Once a process: a second block would come from the heap.
def raise_trim_threshold() -> None:
    """Let the heap keep as much freed memory as a window of small images needs, in a program that has not tuned it.

    glibc gives back what is free beyond twice the largest mapped block that was ever freed (mallopt(3),
    M_MMAP_THRESHOLD). With nothing but small blocks that is soon reached, and the kernel zeroes the pages of the next
    request anew. Freeing one block raises the threshold; nothing is written to it, so it takes no memory. Measured at
    20 KB an image: 4 to 6 page faults per image become 0, and the CPU shrinks by 14 to 24 %. On other allocators it
    has no effect.
    """
    if _tune.cache_info().currsize == 0:
        bytes(_FREED_BLOCK_BYTES)
