"""The cloud's services beside Vision: tokens (IAM, metadata) and endpoints."""
