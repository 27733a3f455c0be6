"""HTTP/2 for servers (RFC 9113), on hpack and hyperframe. It knows requests and responses, and no gRPC."""
