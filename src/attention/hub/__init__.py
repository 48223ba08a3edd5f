"""Hugging Face's files: loading and saving models, with a map of names for each family."""
