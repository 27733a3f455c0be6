"""The decisions of one stream, without clock, socket, thread or task: what the two shells carry out."""
