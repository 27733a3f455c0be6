"""What the local service answers beside Vision: tokens and addresses, as the cloud does."""
