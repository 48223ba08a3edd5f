"""Tokenizers: text to token ids and back, in whole words, subwords or bytes."""
