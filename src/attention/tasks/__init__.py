"""Tasks: a model with its tokenizer and its training objective, saved and loaded as one.

What takes text and gives text belongs here: translation, language modelling, masked language
modelling and retrieval, and the training runs of all of them.
"""
