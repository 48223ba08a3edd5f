"""Kernels: fused attention, which computes the formula fast and without storing the weights.

The readable formula is in `functional`; a faster way to compute it belongs here.
"""
