"""Doors to users: what takes a message and says what became of it."""
