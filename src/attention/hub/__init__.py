"""Hugging Face files: loading, saving, and a name map for each family."""
