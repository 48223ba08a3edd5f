"""Layers: attention, position schemes, feed-forward networks, norms and the KV cache.

A building block that several models share belongs here: attention dropout in `attention`, a new
position scheme in `positions`.
"""
