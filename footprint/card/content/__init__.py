"""What a fill says: from runs, declared facts, a profile, or the card itself."""
