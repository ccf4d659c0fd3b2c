"""The facts of all runs: append-only journals, and the questions that are asked of them."""
