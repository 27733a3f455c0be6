"""Messages to bytes and back: protobuf's wire format, joined and cut without messages, and JSON."""
