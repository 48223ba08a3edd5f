"""Tasks: a model with its tokenizer and its objective, saved and loaded as one."""
