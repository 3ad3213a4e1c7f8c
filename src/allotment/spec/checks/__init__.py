"""Checks across documents. Each is one small function; `declared.py` and `placed.py` list them in tables."""
