"""Images of a Ray Data data set read by actors. It needs the extra `ray`.

from vision_grpc.ray import analyze

images = ray.data.read_binary_files("s3://bucket/scans", include_paths=True)
analyze(images, image="bytes", key="path", languages=["ru", "en"]).write_parquet("s3://bucket/texts")
"""

from vision_grpc.texts.extras import need_extra

need_extra(__name__, "ray", "ray", "pyarrow")

from vision_grpc.ray.analysis import analyze
from vision_grpc.ray.quota import RayQuota

__all__ = ["RayQuota", "analyze"]
