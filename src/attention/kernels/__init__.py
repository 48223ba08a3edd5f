"""Kernels: the formula of attention, computed fast."""
