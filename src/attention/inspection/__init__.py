"""Inspection: attention weights, head by head, as numbers, figures and HTML."""
