"""The cloud's other services that the local service has: tokens and addresses."""
