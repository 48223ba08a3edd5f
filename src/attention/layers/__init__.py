"""Layers: attention, and what surrounds it in a Transformer block."""
