"""Generation: decoding methods, which turn next-token logits into sequences.

A new decoding method, search or sampling, belongs here. It needs nothing of a model but `prefill`
and `decode_step`.
"""
