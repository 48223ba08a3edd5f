"""Benchmarks: quality for equal training time, and speed beside other implementations.

A comparison of several models belongs here; a metric of one model belongs to `evaluation`.
"""
