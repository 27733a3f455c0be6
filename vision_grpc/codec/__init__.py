"""Messages to bytes and back: protobuf's wire format, joined and split without messages, and JSON."""
