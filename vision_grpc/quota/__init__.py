"""Quotas that several clients share: they say when a request may leave."""

from vision_grpc.quota.quota import Grant, Quota

__all__ = ["Grant", "Quota"]
