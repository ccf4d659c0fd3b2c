"""Model cards: read anything, change only the bytes that carry our fields."""
