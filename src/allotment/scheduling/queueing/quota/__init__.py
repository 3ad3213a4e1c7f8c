"""Quota tree: who may use how much, and what was lent."""
