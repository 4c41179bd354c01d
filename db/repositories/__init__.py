"""Queries, one file per noun. Session first, keywords after; they return rows or None and never commit."""
