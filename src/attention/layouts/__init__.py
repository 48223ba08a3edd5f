"""What settings and tensors are called in Hugging Face's files, one module an architecture."""
