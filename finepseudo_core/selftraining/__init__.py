"""Algorithm 1: pretraining, supervised stages, self-training rounds. Start with `algorithm.py`."""
