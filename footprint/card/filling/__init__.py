"""A fill: what changes, what stays, and the proof that nothing else changed."""
