"""Snapshots, the pointer that readers follow, rollback and retention."""
