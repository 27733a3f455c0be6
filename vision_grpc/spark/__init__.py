"""Images of a Spark data frame read by its executors. It needs the extra `spark`.

from vision_grpc.spark import analyze

images = spark.read.format("binaryFile").load("s3a://bucket/scans")
analyze(images, image="content", key="path", languages=["ru", "en"]).write.parquet("s3a://bucket/texts")
"""

from vision_grpc.texts.extras import need_extra

need_extra(__name__, "spark", "pyspark", "pyarrow")

from vision_grpc.spark.analysis import analyze

__all__ = ["analyze"]
