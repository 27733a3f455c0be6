"""Secrets: files that contain them, and texts that must not quote them."""
