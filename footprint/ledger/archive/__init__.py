"""The compacted ledger: Parquet batches, each with a manifest that names the journals it stands for."""
