"""The tables of the paper, run on any labelled folder of clips: `python -m finepseudo_core.experiments`."""
