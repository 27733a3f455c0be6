"""Messages and service stubs compiled from protos/ by scripts/generate.py."""
