"""Tokenizers: text to token ids and back, by whole words, BPE, WordPiece or byte-level BPE."""
