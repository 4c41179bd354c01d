"""Figures and cards the pages are composed of: plain data in, drawing out."""
