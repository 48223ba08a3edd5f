"""Tokenizers: text to token ids and back, by whole words, BPE, WordPiece or byte-level BPE.

A new tokenizer belongs here; each is trained on texts and has a fixed vocabulary.
"""
