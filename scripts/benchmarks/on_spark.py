"""Images by Spark, in its environment; they are in the memory of Java before anything is counted."""

# pyright: basic, reportMissingImports=false
# Spark is in an environment of its own.
import os
import sys
from functools import reduce

import pyspark
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from vision_grpc.spark import analyze

from .engine_worker import Order, check, keep_output, read_order
from .in_arrow import BLOCK, table
from .meter import answer_orders


class _Engine:
    """Reads images of a data frame that is cached, again and again."""

    def __init__(self, order: Order) -> None:
        self._order = order
        settings = {
            "spark.ui.enabled": "false",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.memory": "4g",
            "spark.sql.execution.arrow.pyspark.enabled": "true",
            "spark.sql.execution.arrow.maxRecordsPerBatch": str(order.rows),
        }
        builder = SparkSession.builder.master(f"local[{order.workers}]")
        for name, value in settings.items():
            builder = builder.config(name, value)
        self._spark = builder.getOrCreate()
        self._spark.sparkContext.setLogLevel("FATAL")
        self._block = self._spark.createDataFrame(table(order.size)).coalesce(1)
        self._block = self._block.persist(pyspark.StorageLevel.MEMORY_ONLY)
        check(self._block.count(), BLOCK)

    def __call__(self, images: int) -> None:
        """Read so many images, and count what came of them."""
        given = reduce(DataFrame.unionAll, [self._block] * (images // BLOCK))
        results = analyze(given, **self._order.settings)
        check(results.agg(f.count("text")).collect()[0][0], images)

    def close(self) -> None:
        """Stop Spark."""
        self._spark.stop()


def main() -> None:
    """Do what standard input orders."""
    order = read_order(__doc__)
    keep_output()
    os.environ["PYSPARK_PYTHON"] = sys.executable
    engine = _Engine(order)
    try:
        answer_orders(engine)
    finally:
        engine.close()


if __name__ == "__main__":
    main()
