"""The measurements behind scripts/bench.py, a file each."""
