"""Training: the loop, and the losses that it minimises."""
