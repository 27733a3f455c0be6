"""Images by Ray Data, in its environment; they are in Ray's store before anything is counted."""

# pyright: basic, reportMissingImports=false
# Ray is in an environment of its own.
import os

import ray

from vision_grpc.ray import analyze

from .engine_worker import Order, check, keep_output, read_order
from .in_arrow import BLOCK, table
from .meter import answer_orders


class _Engine:
    """Reads images from blocks in Ray's store, all of them the same one."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._block = ray.put(table(order.size))

    def __call__(self, images: int) -> None:
        """Read so many images, and fetch what came of them."""
        given = ray.data.from_arrow_refs([self._block] * (images // BLOCK))
        pool = ray.data.ActorPoolStrategy(size=self._order.workers)
        results = analyze(given, compute=pool, batch_size=self._order.rows, num_cpus=0.5, **self._order.settings)
        batches = results.iter_batches(batch_size=None, batch_format="pyarrow")
        check(sum(batch.num_rows - batch["text"].null_count for batch in batches), images)


def main() -> None:
    """Do what standard input orders."""
    order = read_order(__doc__)
    keep_output()
    os.environ |= {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}
    ray.init(
        num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False, _node_ip_address="127.0.0.1"
    )
    ray.data.DataContext.get_current().enable_progress_bars = False
    try:
        answer_orders(_Engine(order))
    finally:
        ray.shutdown()


if __name__ == "__main__":
    main()
