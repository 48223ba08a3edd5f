"""Hugging Face's files: loading and saving pretrained models, with a name map for each family.

A new model family's weights need a module here, with the names of its settings and parameters
in `config.json` and `model.safetensors`.
"""
