"""The only code that opens DuckDB files: ingest, ledger, publish, snapshots."""
