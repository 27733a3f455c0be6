"""Credentials: what proves to the service who is calling."""

from vision_grpc.auth.api_key import ApiKey
from vision_grpc.auth.credentials import Anonymous, Credentials
from vision_grpc.auth.default import default_credentials
from vision_grpc.auth.iam_token import IamToken

__all__ = ["Anonymous", "ApiKey", "Credentials", "IamToken", "default_credentials"]
