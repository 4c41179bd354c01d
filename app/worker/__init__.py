"""Runs jobs: takes them from the database, one child process each. The only app code that loads torch."""
