"""Many cards: found, filled in processes, noted so that a stopped fill goes on."""
