"""Estimates of a live cluster: what was seen of its past, and the futures of its present."""
