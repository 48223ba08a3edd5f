"""Whole models, one file each, in the order of their papers."""
