"""Use cases of the studio: one function is one transaction. Plain values in, frozen dataclasses out."""
