"""Inspection: attention weights and head contributions, as tensors, matplotlib figures and HTML."""
