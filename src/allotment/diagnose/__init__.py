"""Snapshot → explanations and findings: causes, a file each; remedies that were tried on the twins."""
