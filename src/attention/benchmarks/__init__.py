"""Benchmarks: quality for equal training time, and speed compared with other implementations."""
