"""HTTP/1.1: messages, a connection, and many calls at once."""
