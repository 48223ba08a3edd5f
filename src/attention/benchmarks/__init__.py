"""Benchmarks: our translators side by side, and our models beside the same in other libraries."""
