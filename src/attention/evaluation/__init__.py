"""Evaluation: BLEU, chrF, exact match, alignment error rate and perplexity."""
