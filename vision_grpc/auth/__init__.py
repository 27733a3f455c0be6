"""Credentials: they prove to the service who is calling."""

from vision_grpc.auth.api_key import ApiKey
from vision_grpc.auth.credentials import Anonymous, Credentials
from vision_grpc.auth.default import default_credentials
from vision_grpc.auth.iam_token import IamToken
from vision_grpc.auth.metadata import MetadataService
from vision_grpc.auth.oauth_token import OAuthToken
from vision_grpc.auth.service_account_key import ServiceAccountKey
from vision_grpc.auth.yc_profile import YcProfile

__all__ = [
    "Anonymous",
    "ApiKey",
    "Credentials",
    "IamToken",
    "MetadataService",
    "OAuthToken",
    "ServiceAccountKey",
    "YcProfile",
    "default_credentials",
]
