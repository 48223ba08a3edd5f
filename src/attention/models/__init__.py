"""Models: an architecture a module, in the order of its paper, from token ids to logits.

A new architecture belongs here; its pretrained weights are mapped in `hub`, and it is trained
under a name of `tasks.architectures`.
"""
