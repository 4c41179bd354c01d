"""FinePseudo (Dave et al., ECCV 2024): semi-supervised fine-grained action recognition by alignability.

Read `selftraining/algorithm.py` first: it is the main loop.
"""
