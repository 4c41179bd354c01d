"""How good a round is: test accuracy and what the pseudo-labels are worth."""
