"""Reads a table of images in Spark: each task has one client, and streams its partition through it.

spark.read.format("binaryFile").load("scans").mapInPandas(read, "path string, text string, error string")
"""

# pyright: basic, reportAttributeAccessIssue=false
# Pandas has no types.
from collections.abc import Iterator

import pandas as pd

from vision_grpc import Image, VisionClient


def read(tables: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Yield a row for each image, with its text or its error: in any order, each once."""
    # Made in the task: a client cannot be pickled.
    with VisionClient() as client:
        images = (Image(row.path, row.content) for table in tables for row in table.itertuples())
        for result in client.analyze_many(images, languages=["*"]):
            error = None if result.error is None else str(result.error)
            yield pd.DataFrame({"path": [result.key], "text": [result.text], "error": [error]})
