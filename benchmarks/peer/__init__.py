"""The peer: what a user would write by hand today, to be run beside Stopover (`benchmarks/peer/compare.py`)."""
