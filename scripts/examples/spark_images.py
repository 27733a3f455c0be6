"""Reads the images of a folder by the executors of Spark, and writes their texts as Parquet.

python spark_images.py s3a://bucket/scans s3a://bucket/texts
"""

# pyright: basic, reportMissingImports=false
# Spark is in an environment of its own.
import sys

from pyspark.sql import SparkSession

from vision_grpc.spark import analyze


def main(source: str, target: str) -> None:
    """Read them: a row for each file, with its path, its text or its error."""
    spark = SparkSession.builder.getOrCreate()
    images = spark.read.format("binaryFile").load(source)
    analyze(images, image="content", key="path", languages=["*"]).write.parquet(target)


if __name__ == "__main__":
    main(*sys.argv[1:])
