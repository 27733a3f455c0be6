"""What the cloud is asked beside Vision: where its services are, and tokens for credentials."""
