"""Generation: from next-token logits to sequences, by search or by sampling."""
