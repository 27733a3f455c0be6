"""HTTP/1.1: what is said, a connection, and many calls at once."""
