"""Evaluation: metrics of trained models, such as n-gram overlap (BLEU), AER and perplexity.

A new metric belongs here, with the function that measures a model by it.
"""
