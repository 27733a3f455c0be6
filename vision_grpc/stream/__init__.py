"""The decisions of one stream: no clock, socket, thread or task. The two shells carry them out."""
