"""Runs that other tools recorded: what the source knew, and what it did not."""
