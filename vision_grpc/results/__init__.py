"""What comes back for an image."""

from vision_grpc.results.result import Answer, ImageError, ImageResult, Outcome, annotation_of

__all__ = ["Answer", "ImageError", "ImageResult", "Outcome", "annotation_of"]
