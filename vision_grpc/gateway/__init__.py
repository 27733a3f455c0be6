"""A gateway for programs that speak batchAnalyze: it answers them with what ocr/v1 reads.

It needs the `local` extra for its faces, and no language data of Tesseract.
"""

from vision_grpc.gateway.gateway import Gateway

__all__ = ["Gateway"]
