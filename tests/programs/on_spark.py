"""Reads images by Spark on this machine, and prints a row as JSON for each one that came out.

The argument is JSON: which `table` of `engine_tables`, or `recipe` in its place, and `settings` of the client.
"""

import json
import runpy
import sys
from functools import partial

import pyarrow as pa
from engine_tables import print_refusals, print_rows, tables_of
from pyspark.sql import SparkSession

from vision_grpc.spark import analyze

_SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "64",
}


def main() -> None:
    """Read them."""
    asked = json.loads(sys.argv[1])
    # Two threads, and four attempts for each task.
    builder = SparkSession.builder.master("local[2,4]")
    for name, value in _SETTINGS.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("FATAL")
    if asked["table"] == "recipe":
        runpy.run_path(asked["recipe"])["main"](f"{asked['folder']}/scans", f"{asked['folder']}/texts")
        return
    tables = tables_of(asked)
    images = spark.createDataFrame(pa.concat_tables(tables)).repartition(len(tables))
    if asked["table"] == "unfit":
        print_refusals(partial(analyze, images), asked["settings"])
        return
    results = analyze(images, languages=["ru"], **asked["settings"])
    print_rows(row.asDict() for row in results.collect())


main()
