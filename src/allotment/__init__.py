"""Allotment: shared GPUs, fairly divided."""

__version__ = "0.1.0"
