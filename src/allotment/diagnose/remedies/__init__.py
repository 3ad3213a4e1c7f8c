"""Remedies: what would help, tried on the twins before it is shown, and the command that does it."""
