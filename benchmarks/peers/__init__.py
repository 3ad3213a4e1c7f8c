"""Real schedulers beside ours, built from their own modules."""
