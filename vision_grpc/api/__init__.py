"""Versions of the vendor's API, as values: what they have in common, and one file a version."""
