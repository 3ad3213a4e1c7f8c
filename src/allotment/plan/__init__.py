"""Desired objects against live ones: what to create, change and delete, in which order, and what stands in the way."""
