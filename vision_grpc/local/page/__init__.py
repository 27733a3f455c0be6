"""A page that shows the calls of the service as they come, and the same for tests as JSON."""
