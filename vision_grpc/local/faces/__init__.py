"""The protocols of the local service: gRPC and REST."""
