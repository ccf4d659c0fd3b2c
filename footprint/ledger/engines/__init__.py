"""What answers a question: DuckDB here, a database or a cluster elsewhere."""
