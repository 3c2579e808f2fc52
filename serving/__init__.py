"""The HTTP API and the dashboard over what publish released: they read, and compute nothing of their own."""
