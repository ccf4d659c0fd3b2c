"""One run, down to its readings: what its page shows."""
