"""Results as Arrow tables, cut from the wire bytes of answers. It needs the extra `arrow`.

from vision_grpc.arrow import to_batch

batch = to_batch(client.analyze_many(paths), detail="words")
duckdb.sql("select key, text from batch where ok")

for batch in analyze_batches(parquet.iter_batches(64), key="path"):  # images in, results out
    writer.write_batch(batch)
"""

from vision_grpc.texts.extras import need_extra

need_extra(__name__, "arrow", "pyarrow")

from vision_grpc.arrow.analysis.analysis import OnError
from vision_grpc.arrow.analysis.analyzed import AnalyzedBatches, analyze_batches
from vision_grpc.arrow.batch import to_batch
from vision_grpc.arrow.schema import SCHEMA_VERSION, Detail, schema

__all__ = ["SCHEMA_VERSION", "AnalyzedBatches", "Detail", "OnError", "analyze_batches", "schema", "to_batch"]
