"""`footprint profile`: measure repeatable work."""
