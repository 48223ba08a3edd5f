"""Inspection: attention weights and head contributions, as tensors, figures and HTML.

A new way to analyse or to display a trained model belongs here.
"""
