"""Methods that FinePseudo is compared with, each as a round of its own: see docs/BASELINES.md."""
