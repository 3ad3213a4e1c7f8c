"""Checked declarations become the model."""
