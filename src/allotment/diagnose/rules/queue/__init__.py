"""Causes of the layer `queue`, a file each; `table.py` has their order."""
