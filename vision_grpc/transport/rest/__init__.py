"""The service over REST."""
