"""Quotas that several clients share: they say when a request may leave."""

from vision_grpc.quota.desk import Desk, Permits
from vision_grpc.quota.envoy import EnvoyQuota
from vision_grpc.quota.quota import Grant, Quota
from vision_grpc.quota.shared import SharedQuota
from vision_grpc.quota.usage import ClientUsage, Usage

__all__ = ["ClientUsage", "Desk", "EnvoyQuota", "Grant", "Permits", "Quota", "SharedQuota", "Usage"]
