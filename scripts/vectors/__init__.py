"""The cases of tests/data/conformance, a module for each of its files; the README there has the format."""
