"""The studio: web pages, services and the worker."""
