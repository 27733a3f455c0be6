"""Results as Arrow tables, cut from the wire bytes of answers. It needs the extra `arrow`.

from vision_grpc.arrow import to_batch

batch = to_batch(client.analyze_many(paths), detail="words")
duckdb.sql("select key, text from batch where ok")
"""

from importlib.util import find_spec

if find_spec("pyarrow") is None:
    _MESSAGE = "vision_grpc.arrow needs pyarrow: pip install 'vision-grpc[arrow]'"
    raise ImportError(_MESSAGE, name="pyarrow")

from vision_grpc.arrow.batch import to_batch
from vision_grpc.arrow.schema import SCHEMA_VERSION, Detail, schema

__all__ = ["SCHEMA_VERSION", "Detail", "schema", "to_batch"]
