"""Runs of any length, whose results survive: from a source to a journal, and on from there after a crash."""
