"""Small state that must not be lost: runs, deliveries, gates, publishes, models."""
