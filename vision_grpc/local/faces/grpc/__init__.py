"""gRPC over HTTP/2: messages, deadlines, statuses, health and reflection."""
