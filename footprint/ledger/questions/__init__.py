"""The questions that are asked of a ledger: one SQL file each, in DuckDB's words, the same for every engine."""
