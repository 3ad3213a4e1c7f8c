"""Causes of the layer `storage`, a file each; `table.py` has their order."""
