"""A ledger's runs as files that other programs read, and back."""
