"""How the local service is called: gRPC and REST."""
