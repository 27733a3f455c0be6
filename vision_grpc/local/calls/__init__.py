"""One call from its headers to its answer, whichever face it came by."""
