"""The ledger's migrations, run by the ledger itself when it is opened."""
