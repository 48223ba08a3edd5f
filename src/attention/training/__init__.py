"""Training: the training loop with its schedule, the losses, and expectation-maximisation.

What changes how weights are updated, or a new loss, belongs here. The batches of a task, and which
loss it minimises, belong to `tasks`.
"""
