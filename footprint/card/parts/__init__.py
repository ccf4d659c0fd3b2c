"""The parts of a card as spans of its bytes: front matter, headings, tables, blocks of ours, and the forms that cards come in."""
