"""One process's own account of what it spends. Runs in the peers' environments too: standard library only.

Linux alone can tell, and reset, the peak of its memory.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

_KIB = 1024


def cpu_s() -> float:
    """Return the user and system time of all threads so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def page_faults() -> int:
    """Return how often the kernel has mapped a page into this process so far, none of them read from a disk."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def answer_orders(run: Callable[[int], None]) -> None:
    """Run as many images as each line of standard input says, and print what that took.

    The memory counts from this call on.
    """
    # `ru_maxrss` would start at the size of the process that forked this one.
    Path("/proc/self/clear_refs").write_text("5")
    at_start = memory_bytes("VmRSS")
    for line in sys.stdin:
        cpu, wall, faults = cpu_s(), time.perf_counter(), page_faults()
        run(int(line))
        spent = {
            "cpu_s": cpu_s() - cpu,
            "wall_s": time.perf_counter() - wall,
            "page_faults": page_faults() - faults,
            "peak_bytes": memory_bytes("VmHWM") - at_start,
        }
        print(json.dumps(spent), flush=True)


def memory_bytes(field: str, process: int | str = "self") -> int:
    """Return what the kernel says of the memory of a process: `VmRSS` for now, `VmHWM` for the peak."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition(f"{field}:")[2].split()[0]) * _KIB
